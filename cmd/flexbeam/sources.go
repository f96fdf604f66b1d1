package main

import (
	_ "flexbeam/pipeline/source/file"       // registers file:PATTERN
	_ "flexbeam/pipeline/source/kinesis"    // registers kinesis:STREAM
	_ "flexbeam/pipeline/source/taskrouter" // registers taskrouter:WORKSPACE
)
