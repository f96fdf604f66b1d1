# The worker of remote runners: on Dataflow the image of the workers, on Flink with --worker-pool :50000
# the side-car of a TaskManager. Build it in the root of the repository:
#
#   docker build -f deploy/docker/worker.Dockerfile -t REGISTRY/flexbeam-worker:VERSION .
#
# The worker is its own boot program. It is where Beam's boot program is in Beam's images, since
# Dataflow starts workers by that path.

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o /out/boot ./cmd/flexbeam-worker

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/boot /opt/apache/beam/boot
USER 65532:65532
ENTRYPOINT ["/opt/apache/beam/boot"]
