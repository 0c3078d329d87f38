"""Prints the events of an event file as JSON, for the tests: python3 read_events.py FILE

The messages are decoded by Google's protobuf runtime (Debian: apt-get install python3-protobuf), the records by the few
lines below, with a checksum taken bit by bit from its definition. Of TensorBoard itself nothing is needed: the message
types that follow are its published ones (tensorboard/compat/proto and plugins/hparams/plugin_data.proto), as far as
they are looked at here.
"""

import json
import struct
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, struct_pb2

try:  # since protobuf 4.22
    from google.protobuf.message_factory import GetMessageClass
except ImportError:
    from google.protobuf.message_factory import MessageFactory

    GetMessageClass = MessageFactory().GetPrototype

F = descriptor_pb2.FieldDescriptorProto
KINDS = {
    "double": F.TYPE_DOUBLE, "float": F.TYPE_FLOAT, "int64": F.TYPE_INT64, "int32": F.TYPE_INT32,
    "string": F.TYPE_STRING, "bytes": F.TYPE_BYTES,
}

# name, kind, number; [] repeats; a slash puts a field into a oneof.
MESSAGES = {
    "Event": [("wall_time", "double", 1), ("step", "int64", 2), ("what/file_version", "string", 3),
              ("what/summary", "Summary", 5), ("what/session_log", "SessionLog", 7)],
    "SessionLog": [("status", "int32", 1)],
    "Summary": [("value", "[]Value", 1)],
    "Value": [("tag", "string", 1), ("value/simple_value", "float", 2), ("value/tensor", "Tensor", 8),
              ("metadata", "Metadata", 9)],
    "Tensor": [("dtype", "int32", 1), ("tensor_shape", "Shape", 2), ("tensor_content", "bytes", 4),
               ("float_val", "[]float", 5), ("string_val", "[]bytes", 8)],
    "Shape": [("dim", "[]Dim", 2)],
    "Dim": [("size", "int64", 1)],
    "Metadata": [("plugin_data", "PluginData", 1), ("data_class", "int32", 4)],
    "PluginData": [("plugin_name", "string", 1), ("content", "bytes", 2)],
    "HParamsPluginData": [("version", "int32", 1), ("session_start_info", "SessionStartInfo", 3)],
    "SessionStartInfo": [("hparams", "[]Entry", 1), ("start_time_secs", "double", 5)],
    "Entry": [("key", "string", 1), ("value", "google.protobuf.Value", 2)],  # map<string, Value> is sent like this
}


def message_class(name):
    return GetMessageClass(POOL.FindMessageTypeByName("tb." + name))


def pool():
    out = descriptor_pool.DescriptorPool()
    out.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(name="tb.proto", package="tb", syntax="proto3",
                                              dependency=["google/protobuf/struct.proto"])
    for name, fields in MESSAGES.items():
        m = file.message_type.add(name=name)
        for field, kind, number in fields:
            f = m.field.add(name=field.split("/")[-1], number=number, label=F.LABEL_OPTIONAL)
            if kind.startswith("[]"):
                f.label, kind = F.LABEL_REPEATED, kind[2:]
            if kind in KINDS:
                f.type = KINDS[kind]
            else:
                f.type, f.type_name = F.TYPE_MESSAGE, "." + kind if "." in kind else ".tb." + kind
            if "/" in field:
                if not m.oneof_decl:
                    m.oneof_decl.add(name=field.split("/")[0])
                f.oneof_index = 0
    out.Add(file)
    return out


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    while data:
        length, check = struct.unpack("<QI", data[:12])
        body, (footer,) = data[12:12 + length], struct.unpack("<I", data[12 + length:16 + length])
        if check != masked_crc(data[:8]) or footer != masked_crc(body):
            sys.exit("a checksum does not fit")
        yield body
        data = data[16 + length:]


def unknown(message):
    """Fails where a message has fields that the definitions above have not."""
    again = type(message)()
    again.CopyFrom(message)
    again.DiscardUnknownFields()
    if again.ByteSize() != message.ByteSize():
        sys.exit("unknown fields in %s" % message)


POOL = pool()


def main(path):
    events = []
    for body in records(open(path, "rb").read()):
        event = message_class("Event").FromString(body)
        unknown(event)
        out = {"time": event.wall_time, "step": event.step, "what": event.WhichOneof("what")}
        if out["what"] == "file_version":
            out["text"] = event.file_version
        elif out["what"] == "session_log":
            out["text"] = str(event.session_log.status)
        elif out["what"] == "summary":
            out["values"] = []
            for v in event.summary.value:
                value = {"tag": v.tag, "which": v.WhichOneof("value"), "plugin": v.metadata.plugin_data.plugin_name,
                         "class": v.metadata.data_class}
                if value["which"] == "simple_value":
                    # The bits, so that zeros keep their sign.
                    value["bits"] = struct.unpack("<I", struct.pack("<f", v.simple_value))[0]
                else:
                    value["dtype"] = v.tensor.dtype
                    value["shape"] = [d.size for d in v.tensor.tensor_shape.dim] if v.tensor.HasField("tensor_shape") else None
                    value["strings"] = [s.decode() for s in v.tensor.string_val]
                if value["plugin"] == "hparams":
                    data = message_class("HParamsPluginData").FromString(v.metadata.plugin_data.content)
                    unknown(data)
                    start = data.session_start_info
                    value["start"] = start.start_time_secs
                    value["hparams"] = {e.key: json_format.MessageToDict(e.value) for e in start.hparams}
                out["values"].append(value)
        events.append(out)
    json.dump(events, sys.stdout)


main(sys.argv[1])
