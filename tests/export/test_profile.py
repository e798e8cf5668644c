"""What an export can be told, and what it says to values that are none."""

import tfgan_kit as gk
from tfgan_kit.export import ExportProfile, read_lineage
from tfgan_kit.export import contract as names
from tfgan_kit.export.batching import allowed_batch_sizes, batching_text

import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2


@pytest.mark.parametrize(
    "arguments",
    [
        {"version": 0},
        {"version": "v2"},
        {"version": 1.0},
        {"version": 2**63},
        {"version": True},
        {"keep": 0},
        {"keep": 1.5},
        {"signatures": "generate"},
        {"signatures": ()},
        {"precision": "float16"},
        {"max_batch": 0},
        {"png_compression": 10},
        {"png_compression": -2},
    ],
)
def test_a_value_that_is_none_is_refused_by_name(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"Received: {name}=.*{value!r}" if value != () else name):
        ExportProfile(**arguments)


@pytest.mark.thorough
def test_a_choice_of_signatures_keeps_the_default_one(plain_generator, tmp_path):
    profile = ExportProfile(signatures=(names.FROM_LATENT,))
    version = gk.export_generator(plain_generator, tmp_path, output_range=(0.0, 1.0), profile=profile)
    assert set(tf.saved_model.load(str(version)).signatures) == {names.SERVING_DEFAULT, names.FROM_LATENT}
    assert read_lineage(version)["signatures"] == [names.SERVING_DEFAULT, names.FROM_LATENT]


def test_an_unknown_signature_is_refused_with_those_there_are(plain_generator, tmp_path):
    profile = ExportProfile(signatures=(names.GENERATE,))  # the model takes no labels
    with pytest.raises(ValueError, match="it has serving_default, from_latent, .*Received: signatures=generate"):
        gk.export_generator(plain_generator, tmp_path, output_range=(0.0, 1.0), profile=profile)


@pytest.mark.thorough
def test_the_lineage_tells_the_contract_and_the_profile(plain_generator, tmp_path):
    profile = ExportProfile(max_batch=3)
    version = gk.export_generator(plain_generator, tmp_path, output_range=(0.0, 1.0), profile=profile)
    lineage = read_lineage(version)
    told = {key: lineage[key] for key in ("contract_version", "max_batch", "precision")}
    assert told == {"contract_version": names.CONTRACT_VERSION, "max_batch": 3, "precision": "float32"}
    assert (version / names.BATCHING_FILE).read_text() == batching_text(3)
    assert (tmp_path / names.COMMON_BATCHING_FILE).read_text() == batching_text(3)


@pytest.mark.parametrize("most", [1, 2, 3, 7, 32, 100, 1000])
def test_batch_sizes_rise_are_even_between_and_end_in_the_largest(most):
    sizes = allowed_batch_sizes(most)
    assert sizes == sorted(set(sizes)) and sizes[0] == 1 and sizes[-1] == most
    assert all(size % 2 == 0 for size in sizes[1:-1])


@pytest.mark.parametrize("most", [32, 1000])
def test_padding_is_at_most_a_fifth_of_a_large_batch(most):
    sizes = [size for size in allowed_batch_sizes(most) if size >= 8]
    assert all((after - before - 1) / after <= 0.2 for before, after in zip(sizes, sizes[1:], strict=False))


def batching_parameters():
    """TensorFlow Serving's message, by the names and kinds in field/serving.md, (b)."""
    file = descriptor_pb2.FileDescriptorProto(
        name="batching.proto", syntax="proto3", dependency=["google/protobuf/wrappers.proto"]
    )
    message = file.message_type.add(name="BatchingParameters")
    field = descriptor_pb2.FieldDescriptorProto
    for number, name in enumerate(("max_batch_size", "batch_timeout_micros", "max_enqueued_batches"), 1):
        message.field.add(
            name=name,
            number=number,
            label=field.LABEL_OPTIONAL,
            type=field.TYPE_MESSAGE,
            type_name=".google.protobuf.Int64Value",
        )
    message.field.add(name="allowed_batch_sizes", number=4, label=field.LABEL_REPEATED, type=field.TYPE_INT64)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("BatchingParameters"))


def test_the_batching_file_is_the_servers_text_proto():
    parsed = text_format.Parse(batching_text(16), batching_parameters()())
    assert parsed.max_batch_size.value == 16
    assert list(parsed.allowed_batch_sizes) == allowed_batch_sizes(16)
