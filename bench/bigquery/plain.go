package main

import (
	"context"
	"fmt"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/managedwriter"
	"cloud.google.com/go/bigquery/storage/managedwriter/adapt"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// requestBytes is the size of a request of the plain writer.
const requestBytes = 1 << 20

// plain is what a program without the sink would do: rows encoded by reflection, beforehand, and
// appended.
type plain struct {
	descriptor *descriptorpb.DescriptorProto
	requests   [][][]byte
	bytes      int64
}

var types = map[model.Type]bigquery.FieldType{
	model.String: bigquery.StringFieldType, model.Timestamp: bigquery.TimestampFieldType, model.Float: bigquery.FloatFieldType,
	model.Int: bigquery.IntegerFieldType, model.Bool: bigquery.BooleanFieldType, model.Bytes: bigquery.BytesFieldType,
}

// newPlain encodes the engagements of some blocks of changes.
func newPlain(blocks []change.Block) (*plain, error) {
	message, err := engagementMessage()
	if err != nil {
		return nil, err
	}
	p := &plain{}
	if p.descriptor, err = adapt.NormalizeDescriptor(message); err != nil {
		return nil, err
	}
	n, size := 0, 0
	var request [][]byte
	for _, block := range blocks {
		err := block.Each(func(c change.Change) error {
			n++
			b, err := proto.Marshal(rowMessage(message, c, n))
			if err != nil {
				return err
			}
			request = append(request, b)
			size += len(b)
			p.bytes += int64(len(b))
			if size >= requestBytes {
				p.requests, request, size = append(p.requests, request), nil, 0
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(request) > 0 {
		p.requests = append(p.requests, request)
	}
	return p, nil
}

// engagementMessage describes a row of engagements with the columns of change data capture.
func engagementMessage() (protoreflect.MessageDescriptor, error) {
	var schema bigquery.Schema
	for _, c := range model.Engagements.Columns {
		schema = append(schema, &bigquery.FieldSchema{Name: c.Name, Type: types[c.Type], Required: c.Required})
	}
	for _, name := range []string{"_CHANGE_TYPE", "_CHANGE_SEQUENCE_NUMBER"} {
		schema = append(schema, &bigquery.FieldSchema{Name: name, Type: bigquery.StringFieldType})
	}
	table, err := adapt.BQSchemaToStorageTableSchema(schema)
	if err != nil {
		return nil, err
	}
	d, err := adapt.StorageSchemaToProto2Descriptor(table, "row")
	if err != nil {
		return nil, err
	}
	return d.(protoreflect.MessageDescriptor), nil
}

// rowMessage returns the n-th change as a message.
func rowMessage(message protoreflect.MessageDescriptor, c change.Change, n int) *dynamicpb.Message {
	fields := message.Fields()
	m := dynamicpb.NewMessage(message)
	for i, v := range c.Row {
		f := fields.Get(i)
		switch v.Type {
		case model.Null:
		case model.String:
			m.Set(f, protoreflect.ValueOfString(v.Str))
		case model.Bytes:
			m.Set(f, protoreflect.ValueOfBytes([]byte(v.Str)))
		case model.Timestamp:
			m.Set(f, protoreflect.ValueOfInt64(v.Num*1000))
		case model.Float:
			m.Set(f, protoreflect.ValueOfFloat64(v.Float64()))
		case model.Bool:
			m.Set(f, protoreflect.ValueOfBool(v.Num != 0))
		default:
			m.Set(f, protoreflect.ValueOfInt64(v.Num))
		}
	}
	m.Set(fields.ByName("_CHANGE_TYPE"), protoreflect.ValueOfString("UPSERT"))
	sequence := fmt.Sprintf("%016X/%016X", c.Version(), n)
	m.Set(fields.ByName("_CHANGE_SEQUENCE_NUMBER"), protoreflect.ValueOfString(sequence))
	return m
}

// write appends all rows and waits for the answers.
func (p *plain) write(ctx context.Context, s *service, dataset string) (figure, error) {
	c, err := managedwriter.NewClient(ctx, project, option.WithEndpoint(s.grpc), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		return figure{}, err
	}
	defer c.Close()
	stream, err := c.NewManagedStream(ctx, managedwriter.WithType(managedwriter.DefaultStream), managedwriter.WithSchemaDescriptor(p.descriptor),
		managedwriter.WithDestinationTable(fmt.Sprintf("projects/%s/datasets/%s/tables/%s", project, dataset, model.Engagements.Name)))
	if err != nil {
		return figure{}, err
	}
	defer stream.Close()
	return measure(func() error {
		var results []*managedwriter.AppendResult
		for _, rows := range p.requests {
			r, err := stream.AppendRows(ctx, rows)
			if err != nil {
				return err
			}
			results = append(results, r)
		}
		for _, r := range results {
			if _, err := r.GetResult(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}
