"""`--check` finds what a version's program could do before anything of it is loaded."""

import os
import shutil

from tfgan_kit.export.lineage import check_lineage, checksums, read_lineage, write_lineage
from tfgan_kit.export.verify import program
from tfgan_kit.export.verify.answers import check_answers
from tfgan_kit.export.verify.check import check_version
from tfgan_kit.export.verify.program import MOST_BYTES, check_program
from tfgan_kit.export.warmup import read_warmup

import pytest
import tensorflow as tf
from tensorflow.core.framework import function_pb2, node_def_pb2, tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2


@pytest.fixture
def version(published, tmp_path):
    """A copy of the published version 1, to be tampered with."""
    return shutil.copytree(published, tmp_path / "digits" / "1")


def seal(version):
    """Makes the lineage again, as whoever can write the folder can."""
    lineage = check_lineage(version)
    write_lineage(version, lineage | {"files": checksums(version)})


def tamper(version, change):
    path = version / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    change(saved, saved.meta_graphs[0])
    path.write_bytes(saved.SerializeToString())
    seal(version)


def node(op, name="stranger", *inputs, **attributes):
    made = node_def_pb2.NodeDef(op=op, name=name, input=inputs)
    for key, function in attributes.items():
        made.attr[key].func.name = function
    return made


def function(name, *nodes):
    made = function_pb2.FunctionDef(node_def=nodes)
    made.signature.name = name
    return made


def saver(graph, which):
    """The node that saves or restores, and the name of its function."""
    name = {"save": graph.saver_def.save_tensor_name, "restore": graph.saver_def.restore_op_name}[which]
    found = next(one for one in graph.graph_def.node if one.name == name.removesuffix(":0"))
    return found, found.attr["f"].func.name


def called(graph):
    """A function that a signature runs."""
    wrapper = next(iter(graph.object_graph_def.concrete_functions))
    return next(f for f in graph.graph_def.library.function if f.signature.name == wrapper)


def of(graph, which):
    return next(f for f in graph.graph_def.library.function if f.signature.name == saver(graph, which)[1])


def written_by_init(_, graph):
    graph.graph_def.node.append(node("WriteFile"))
    next(one for one in graph.graph_def.node if one.name == "NoOp").input.append("^stranger")


def never_called(_, graph):
    graph.graph_def.library.function.append(function("inner", node("ReadFile")))


def nested(_, graph):
    graph.graph_def.library.function.append(function("inner", node("WriteFile")))
    graph.graph_def.library.function.append(function("outer", node("If", "if", then_branch="inner")))
    called(graph).node_def.append(node("PartitionedCall", "call", f="outer"))


def named_as_an_op(_, graph):
    graph.graph_def.library.function.append(function("MatchingFiles"))
    called(graph).node_def.append(node("MatchingFiles"))


def saved_by_init(_, graph):
    init = graph.signature_def["__saved_model_init_op"].outputs["__saved_model_init_op"]
    init.name = saver(graph, "save")[0].name


def saved_by_the_main_op(_, graph):
    graph.collection_def["saved_model_main_op"].node_list.value[:] = [saver(graph, "save")[0].name]


def saved_before_init(_, graph):
    next(one for one in graph.graph_def.node if one.name == "NoOp").input.append(f"^{saver(graph, 'save')[0].name}")


def saved_by_a_function(_, graph):
    called(graph).node_def.append(node("StatefulPartitionedCall", "call", f=saver(graph, "save")[1]))


def saved_by_an_object(_, graph):
    graph.object_graph_def.concrete_functions[saver(graph, "save")[1]].bound_inputs.extend([])


def saved_in_place_of_another(_, graph):
    of(graph, "save").attr["api_implements"].s = b"same"


def restored_from_elsewhere(_, graph):
    restore = next(one for one in of(graph, "restore").node_def if one.op == "RestoreV2")
    restore.input[0] = "Const:output:0"


def written_while_restored(_, graph):
    of(graph, "restore").node_def.append(node("SaveV2"))


def file_op_in_the_graph(_, graph):
    graph.graph_def.node.append(node("RestoreV2"))


def a_device_elsewhere(_, graph):
    called(graph).node_def[0].device = "/job:worker/replica:0/task:1/device:CPU:0"


def compiled(_, graph):
    called(graph).attr["_XlaMustCompile"].b = True


def a_resource(_, graph):
    graph.object_graph_def.nodes.add().resource.SetInParent()


def an_asset(_, graph):
    graph.asset_file_def.add(filename="../../../../etc/passwd")


def a_class(_, graph):
    graph.object_graph_def.nodes[0].registered_name = "strangers.Class"


def a_revived_class(_, graph):
    graph.object_graph_def.nodes[0].user_object.identifier = "_tf_keras_network"


def a_second_graph(saved, graph):
    saved.meta_graphs.add().meta_info_def.tags.append("train")


def an_old_init(_, graph):
    graph.collection_def["legacy_init_op"].node_list.value.append("NoOp")


def a_python_function(_, graph):
    called(graph).node_def.append(node("EagerPyFunc"))


TAMPERED = {
    written_by_init: "WriteFile",
    never_called: "ReadFile",
    nested: "WriteFile",
    named_as_an_op: "MatchingFiles",
    saved_by_init: "the signature __saved_model_init_op, which calls the saving",
    saved_by_the_main_op: "the collection saved_model_main_op",
    saved_before_init: "NoOp, which calls or follows the saving",
    saved_by_a_function: "which calls the saving",
    saved_by_an_object: "an object that calls the saving",
    saved_in_place_of_another: "may take another function's place",
    restored_from_elsewhere: "RestoreV2 of a file that the loader did not name",
    written_while_restored: "SaveV2",
    file_op_in_the_graph: "RestoreV2",
    a_device_elsewhere: "the device /job:worker",
    compiled: "jit_compile=True",
    a_resource: "an object of the kind resource",
    an_asset: "the asset ../../../../etc/passwd",
    a_class: "an object of the class strangers.Class",
    a_revived_class: "an object of the class _tf_keras_network",
    a_second_graph: "2 graphs",
    an_old_init: "the collection legacy_init_op",
    a_python_function: "EagerPyFunc",
}


@pytest.mark.parametrize("change", TAMPERED, ids=lambda change: change.__name__)
def test_a_tampered_program_under_a_seal_made_again_is_named_and_not_loaded(change, version, monkeypatch):
    monkeypatch.setattr(tf.saved_model, "load", lambda *_: pytest.fail("loaded"))
    tamper(version, change)
    with pytest.raises(ValueError, match=f"saved_model.pb holds what no export holds.*Received: .*{TAMPERED[change]}"):
        check_version(version)


class Writes(tf.saved_model.experimental.TrackableResource):
    """A resource that writes a file whenever it is loaded."""

    def __init__(self, path):
        super().__init__()
        self._path = path

    def _create_resource(self):
        return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=())

    def _initialize(self):
        tf.io.write_file(self._path, "written")


def test_what_writes_a_file_when_it_is_loaded_is_refused_without(tmp_path):
    module, written = tf.Module(), tmp_path / "written"
    module.resource = Writes(str(written))
    module.run = tf.function(lambda x: x + tf.cast(module.resource.resource_handle is None, tf.float32))
    tf.saved_model.save(module, str(tmp_path / "1"), module.run.get_concrete_function(tf.TensorSpec([None])))
    written.unlink(missing_ok=True)
    with pytest.raises(ValueError, match="Received: .*WriteFile.*an object of the kind resource"):
        check_program(tmp_path / "1")
    assert not written.exists()
    tf.saved_model.load(str(tmp_path / "1"))
    assert written.read_text() == "written"


def as_text(version):
    text = str(saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes()))
    (version / "saved_model.pb").unlink()
    (version / "saved_model.pbtxt").write_text(text)


@pytest.mark.parametrize(
    "change, message",
    [
        (as_text, "files that no export writes.*saved_model.pbtxt"),
        (lambda v: (v / "assets.extra" / "saved_model_config.pb").touch(), "no export writes.*saved_model_config.pb"),
        (lambda v: (v / "saved_model.pb").write_bytes(b"\x0a\xff\x01"), "saved_model.pb cannot be read"),
        (lambda v: os.truncate(v / "saved_model.pb", 2 * 2**20), "much larger than its weights"),
    ],
    ids=["as text", "a server's file", "no program", "large"],
)
def test_files_that_no_export_writes_are_refused_under_their_seal(change, message, version):
    change(version)
    seal(version)
    with pytest.raises(ValueError, match=message):
        check_version(version)


def test_a_program_of_very_many_operations_is_not_looked_through(published, monkeypatch):
    monkeypatch.setattr(program, "MOST_NODES", 100)
    with pytest.raises(ValueError, match="Received: [0-9]+ operations, where at most 100 are looked at"):
        check_program(published)


def test_an_enormous_program_is_not_read(version):
    os.truncate(version / "saved_model.pb", 2**40)
    with pytest.raises(ValueError, match=f"cannot be read.*{2**40} bytes, at most {MOST_BYTES}"):
        check_program(version)


def test_a_record_that_is_a_pipe_is_not_waited_for(version):
    path = version / "assets.extra" / "tfgan_kit.json"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match="holds a link or special file.*tfgan_kit.json"):
        check_version(version)


@pytest.mark.parametrize(
    "entry, value",
    [
        ("files", None), ("files", []), ("files", {"saved_model.pb": 5}), ("signatures", "generate"),
        ("precision", "float64"), ("precision", []), ("processor", "AVX2"),
    ],
)  # fmt: skip
def test_a_record_of_another_shape_is_refused_under_its_seal(version, entry, value):
    lineage = check_lineage(version)
    write_lineage(version, lineage | {entry: value})
    with pytest.raises(ValueError, match=f"none that an export writes.*{entry}="):
        check_version(version)


@pytest.mark.parametrize("content", ["{}", "[1]", '[{"signature": 1}]', "[" * 200_000], ids=lambda text: text[:20])
def test_recorded_answers_of_another_shape_are_refused(version, content):
    (version / "assets.extra" / "tfgan_kit_answers.json").write_text(content)
    with pytest.raises(ValueError, match="recorded answers cannot be read.*tfgan_kit_answers.json"):
        check_answers(version, {}, "float32")


def test_recorded_answers_to_other_requests_are_refused(version):
    (version / "assets.extra" / "tfgan_kit_answers.json").write_text("[]")
    seal(version)
    with pytest.raises(ValueError, match="Received: 0 answers to [0-9]+ requests"):
        check_version(version)


@pytest.mark.parametrize(
    "tensor",
    [
        tf.make_tensor_proto(1, tf.int64, [10**6]),
        tensor_pb2.TensorProto(dtype=9, tensor_shape=tf.TensorShape([2**40]).as_proto(), int64_val=[1]),
        tensor_pb2.TensorProto(dtype=999),
    ],
    ids=["one value a million times", "2^40 values", "no dtype"],
)
def test_a_warmup_request_that_grows_when_it_is_read_is_refused(version, tensor):
    request = predict_pb2.PredictRequest(inputs={"seed": tensor})
    log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
    with tf.io.TFRecordWriter(str(version / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())
    with pytest.raises(ValueError, match="warmup file cannot be read"):
        read_warmup(version)


def test_the_report_gives_the_sum_that_the_export_gave(published):
    checked = check_version(published)
    assert checked.sha256 == read_lineage(published)["lineage_sha256"]
