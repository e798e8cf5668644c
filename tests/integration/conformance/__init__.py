"""One suite for any server of the protocol: TensorFlow Serving, or the embedded one.

Its tables are the contract's (shared/field/serving.md), as measured on tensorflow_model_server: codes, shapes, side
effects. Of a text it asks only that it names what matters, such as the input or the version. Three ways to run it:

    pytest tests/integration/conformance                        # the embedded server, started here
    TFGAN_KIT_SERVING_BINARY=tensorflow_model_server pytest ... # that program, or command line, started here alike
    TFGAN_KIT_SERVING_TARGET=host:8500 pytest ...               # a server that runs already

The first two start a process for each start line of `starts.py`; those of the embedded server are forked (`forks.py`).
A server that runs already sees this machine's files (the suite brings its models by HandleReloadConfigRequest, from
folders that it made) and was started so:

    echo 'model_config_list {}' > models.config
    python -m tests.integration.conformance plain flags   # writes files, prints FLAGS
    tensorflow_model_server --port=8500 --rest_api_port=8501 --model_config_file=models.config FLAGS

| variable | meaning |
| --- | --- |
| TFGAN_KIT_SERVING_TARGET | host:port of gRPC |
| TFGAN_KIT_SERVING_REST_TARGET | host:port of REST; its modules are skipped where it is not set |
| TFGAN_KIT_SERVING_START | its start line (else `plain`); tests of the others are skipped |
| TFGAN_KIT_SERVING_START_SECONDS | after which a program that was started waits for ever (else 15) |
| TFGAN_KIT_SERVING_CONFIG | the model config file that it was started with: sent back at the end |
| TFGAN_KIT_SERVING_EMBEDDED | 1: it is the embedded server, whose differences are right |

Nobody else may use such a server meanwhile, and pytest runs in one process (no `-n`): a reload replaces every model.
It is left able to take reloads: every model has `model_platform` and a folder with a version, each test a name of its
own, and a model that comes back has ended before. What would end a server, or its reloads, is in WRECKING of
`differences.py` and is sent to the embedded server alone.

Where the embedded server differs stands in `differences.py`, and nowhere else. `test_running.py` (slow) runs modules of
the suite by BINARY and by TARGET. A real server has not run this suite since it was changed for one: see section z of
the contract for what an older form of it found.
"""
