package pipeline

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/source"
	"flexbeam/pipeline/source/file"
)

func TestWrongOptionsAreUsageErrorsThatSayWhatToDo(t *testing.T) {
	good := Options{Source: small(t), Sink: memory(history.NewStore())}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*Options)
		want   string
		is     error
	}{
		{"an unknown runner", func(o *Options) { o.Runner = "spark" }, "this binary has auto, direct, prism, flink and dataflow", ErrUsage},
		{"an unknown mode", func(o *Options) { o.Mode = "fast" }, "auto, batch or stream", ErrUsage},
		{"a stream on direct", func(o *Options) { o.Source, o.Runner = "kinesis:s", Direct }, "it cannot read a stream: choose --runner prism", ErrUsage},
		{"a stream in batch mode", func(o *Options) { o.Source, o.Mode = "kinesis:s", Batch }, "a stream has no end: choose --mode stream", ErrUsage},
		{"streaming on direct", func(o *Options) { o.Runner, o.Mode = Direct, Stream }, "choose --runner prism", ErrUsage},
		{"no source", func(o *Options) { o.Source = "" }, "write file:PATTERN", ErrUsage},
		{"an unknown source", func(o *Options) { o.Source = "ftp:x" }, "unknown source", ErrUsage},
		{"a source without a place", func(o *Options) { o.Source = "file:" }, "write file:PATTERN", ErrUsage},
		{"a stream without a name", func(o *Options) { o.Source = "kinesis:" }, `"kinesis:" names no stream: write kinesis:STREAM`, ErrUsage},
		{"options of no stream", func(o *Options) { o.Source = "kinesis:?region=eu-west-1" }, "names no stream: write kinesis:STREAM", ErrUsage},
		{"a lateness that is none", func(o *Options) { o.Source += "?lateness=soon" }, "lateness=6h", ErrUsage},
		{"a negative lateness", func(o *Options) { o.Source += "?lateness=-1s" }, "lateness=6h", ErrUsage},
		{"no file", func(o *Options) { o.Source = "file:" + filepath.Join(t.TempDir(), "*") }, "no file matches", file.ErrNoFiles},
		{"a directory", func(o *Options) { o.Source = "file:" + t.TempDir() }, "is a directory", file.ErrNoFiles},
		{"no sink", func(o *Options) { o.Sink = "" }, "--sink", ErrUsage},
		{"an unknown sink", func(o *Options) { o.Sink = "mysql:x" }, "this binary has the sinks", ErrUsage},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := good
			test.change(&o)
			_, err := New(o)
			if err == nil || !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestLatenessIsReadFromTheSource(t *testing.T) {
	src, err := openSource(small(t)+"?lateness=90s", source.Span{})
	if err != nil {
		t.Fatal(err)
	}
	if f := src.(*file.Source); f.Lateness != 90*time.Second || len(f.Files) != 1 {
		t.Errorf("%+v", f)
	}
	if src, err := openSource(small(t), source.Span{}); err != nil || src.(*file.Source).Lateness >= 0 {
		t.Errorf("%+v, %v", src, err)
	}
}

func TestDefaults(t *testing.T) {
	j, err := New(Options{Source: small(t), Sink: memory(history.NewStore())})
	if err != nil {
		t.Fatal(err)
	}
	if o := j.options; j.Runner() != Direct || j.Mode() != Batch || len(o.Hidden) == 0 || o.FlushEvery != 5*time.Second {
		t.Errorf("%+v", o)
	}
	if j.Counters().BytesTotal.Load() == 0 {
		t.Error("the size of the input is unknown")
	}
}

func TestAutoTakesTheFastestRunnerThatCanDoTheJob(t *testing.T) {
	files, stream := small(t), "kinesis:s"
	tests := []struct {
		name         string
		options      Options
		runner, mode string
	}{
		{"files", Options{Source: files}, Direct, Batch},
		{"files, asked for", Options{Source: files, Runner: Auto, Mode: Auto}, Direct, Batch},
		{"files in batch mode", Options{Source: files, Mode: Batch}, Direct, Batch},
		{"files in stream mode", Options{Source: files, Mode: Stream}, Prism, Stream},
		{"files with a watermark", Options{Source: files + "?lateness=6h"}, Direct, Batch},
		{"a stream", Options{Source: stream}, Prism, Stream},
		{"a stream in stream mode", Options{Source: stream, Mode: Stream}, Prism, Stream},
		{"files on prism", Options{Source: files, Runner: Prism}, Prism, Batch},
		{"files on direct", Options{Source: files, Runner: Direct}, Direct, Batch},
		{"a stream on prism", Options{Source: stream, Runner: Prism}, Prism, Stream},
	}
	for _, test := range tests {
		test.options.Sink = memory(history.NewStore())
		j, err := New(test.options)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if j.Runner() != test.runner || j.Mode() != test.mode {
			t.Errorf("%s: %s in %s mode, want %s in %s mode", test.name, j.Runner(), j.Mode(), test.runner, test.mode)
		}
	}
}
