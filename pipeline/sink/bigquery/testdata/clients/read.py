"""Reads and writes a local BigQuery with Google's Python clients.

Arguments: the REST endpoint, HOST:PORT of gRPC, the project, the dataset, and a file with what the
tables hold: {table: {"columns": [name], "rows": [[value]]}}, times as microseconds since 1970 and
bytes as base64. Prints one line for each table and ends with status 1 at the first difference.
"""

import base64
import datetime
import json
import sys

import grpc
from google.api_core.exceptions import BadRequest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, BigQueryWriteClient, types, writer
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value):
    """Returns a value as the file has it."""
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def lines(rows):
    return sorted(json.dumps([plain(v) for v in row], ensure_ascii=False) for row in rows)


def same(what, got, want):
    if got == want:
        return
    for g, w in zip(got, want):
        if g != w:
            sys.exit(f"{what}: got {g}, want {w}")
    sys.exit(f"{what}: {len(got)} rows, want {len(want)}")


def read_tables(client, storage, project, dataset, tables):
    for name, table in tables.items():
        columns, want = table["columns"], lines(table["rows"])
        ref = client.get_table(f"{project}.{dataset}.{name}")
        if sorted(f.name for f in ref.schema) != sorted(columns):
            sys.exit(f"{name}: other columns")
        order = [columns.index(f.name) for f in ref.schema]
        ordered = lines([[row[i] for i in order] for row in table["rows"]])
        same(f"{name}, tabledata.list", lines(r.values() for r in client.list_rows(ref, page_size=100)), ordered)
        some = ref.schema[1:3]
        same(f"{name}, selected fields", lines(r.values() for r in client.list_rows(ref, selected_fields=some)),
             lines([row[columns.index(f.name)] for f in some] for row in table["rows"]))
        query = client.query(f"SELECT {', '.join(columns)} FROM `{project}.{dataset}.{name}`")
        same(f"{name}, query", lines(r.values() for r in query.result(page_size=250)), want)
        session = storage.create_read_session(
            parent=f"projects/{project}", max_stream_count=1,
            read_session=types.ReadSession(table=f"projects/{project}/datasets/{dataset}/tables/{name}", data_format=types.DataFormat.AVRO))
        rows = [r for s in session.streams for r in storage.read_rows(s.name).rows(session)]
        same(f"{name}, Storage Read", lines([row[c] for c in columns] for row in rows), want)
        print(f"{name}: {len(want)} rows, {len(columns)} columns")


def write_tables(client, channel, project, dataset):
    """Makes a table, and changes it in each of the ways there are."""
    name = f"{project}.{dataset}.clients"
    client.query(f"CREATE TABLE `{name}` (id STRING NOT NULL, n INT64, PRIMARY KEY (id) NOT ENFORCED)").result()
    if client.insert_rows_json(client.get_table(name), [{"id": "a", "n": 1}], row_ids=["1"]):
        sys.exit("insertAll refused a row")
    file = descriptor_pb2.FileDescriptorProto(name="change.proto", syntax="proto2")
    message = file.message_type.add(name="Change")
    for i, (field, typ) in enumerate([("id", 9), ("n", 3), ("_CHANGE_TYPE", 9), ("_CHANGE_SEQUENCE_NUMBER", 9)], 1):
        message.field.add(name=field, number=i, label=1, type=typ)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    change = message_factory.GetMessageClass(pool.FindMessageTypeByName("Change"))
    template = types.AppendRowsRequest(write_stream=f"projects/{project}/datasets/{dataset}/tables/clients/streams/_default")
    template.proto_rows = types.AppendRowsRequest.ProtoData(writer_schema=types.ProtoSchema(proto_descriptor=message))
    write = BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))
    stream = writer.AppendRowsStream(write, template)
    rows = []
    for key, n, kind, sequence in [("b", 1, "UPSERT", "1"), ("b", 2, "UPSERT", "2/FF"), ("b", 3, "UPSERT", "2/A"), ("c", 1, "UPSERT", "1"), ("c", 0, "DELETE", "2")]:
        row = change(id=key, n=n)
        setattr(row, "_CHANGE_TYPE", kind)
        setattr(row, "_CHANGE_SEQUENCE_NUMBER", sequence)
        rows.append(row.SerializeToString())
    request = types.AppendRowsRequest()
    request.proto_rows = types.AppendRowsRequest.ProtoData(rows=types.ProtoRows(serialized_rows=rows))
    stream.send(request).result(timeout=60)
    stream.close()
    same("changes", lines(r.values() for r in client.query(f"SELECT id, n FROM `{name}`").result()), lines([["a", 1], ["b", 2]]))
    try:
        client.query(f"DELETE FROM `{name}` WHERE id = 'a'").result()
        sys.exit("a table that had upserts took a DELETE")
    except BadRequest as e:
        if "UPSERT" not in str(e):
            raise
    job = client.query(f"SELECT id FROM `{name}`")
    job.result()
    if job.total_bytes_processed != 6 or job.total_bytes_billed != 10 << 20:
        sys.exit(f"a query of 6 bytes tells {job.total_bytes_processed}, billed {job.total_bytes_billed}")
    client.query(f"ALTER TABLE `{name}` SET OPTIONS (description = 'of the clients')").result()
    options = client.query(f"SELECT option_value FROM `{dataset}`.INFORMATION_SCHEMA.TABLE_OPTIONS WHERE table_name = 'clients'").result()
    same("options", lines(r.values() for r in options), lines([['"of the clients"']]))
    client.query(f"DROP TABLE `{name}`").result()
    print("clients: written, altered and dropped")


def main():
    endpoint, address, project, dataset, file = sys.argv[1:]
    with open(file, encoding="utf-8") as f:
        tables = json.load(f)
    client = bigquery.Client(project=project, credentials=AnonymousCredentials(), client_options={"api_endpoint": endpoint})
    channel = grpc.insecure_channel(address)
    storage = BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
    read_tables(client, storage, project, dataset, tables)
    write_tables(client, channel, project, dataset)


main()
