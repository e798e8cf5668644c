"""One suite for any server of the protocol: TensorFlow Serving, or the embedded one.

Its tables are the contract's (shared/field/serving.md), as measured on tensorflow_model_server: codes, shapes, side
effects; gRPC's texts letter for letter, and of REST's what names the fault. Three ways to run it:

    pytest tests/integration/conformance                        # the embedded server, started here
    TFGAN_KIT_SERVING_BINARY=tensorflow_model_server pytest ... # that program, started here alike
    TFGAN_KIT_SERVING_TARGET=host:8500 pytest ...               # a server that runs already

The first two start a process for each start line of `starts.py`. A server that runs already sees
this machine's files (the suite brings its models by HandleReloadConfigRequest, from folders that it
made) and was started so:

    echo 'model_config_list {}' > models.config
    python -m tests.integration.conformance plain flags   # writes files, prints FLAGS
    tensorflow_model_server --port=8500 --rest_api_port=8501 --model_config_file=models.config FLAGS

| variable | meaning |
| --- | --- |
| TFGAN_KIT_SERVING_TARGET | host:port of gRPC |
| TFGAN_KIT_SERVING_REST_TARGET | host:port of REST; its modules are skipped where it is not set |
| TFGAN_KIT_SERVING_START | its start line (else `plain`); tests of the others are skipped |
| TFGAN_KIT_SERVING_CONFIG | the model config file that it was started with: sent back at the end |

Nobody else may use such a server meanwhile, and pytest runs in one process (no `-n`): a reload
replaces every model. That `model_config_list {}` starts a server without a model was read in
tensorflow/serving's server_core.cc, not run. This third way was tried on the embedded server only.

Where the embedded server differs on purpose stands in `differences.py`, and nowhere else.
"""
