# The image of the Flex Template: Google's launcher, and flexbeam under the name by which it knows that
# a launcher runs it. Build it in the root of the repository, and name the workers' image:
#
#   docker build -f deploy/docker/template.Dockerfile -t REGISTRY/flexbeam-template:VERSION \
#     --build-arg WORKER_IMAGE=REGISTRY/flexbeam-worker:VERSION .
#
# Google publishes the launcher by date; the newest one stands in its list of base images.

ARG LAUNCHER=gcr.io/dataflow-templates-base/go-template-launcher-base:20260122_RC00

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -tags osusergo -ldflags "-s -w" -o /out/flexbeam-template ./cmd/flexbeam

FROM ${LAUNCHER} AS launcher

FROM gcr.io/distroless/cc-debian12:nonroot
ARG WORKER_IMAGE
COPY --from=launcher /opt/google/dataflow/go_template_launcher /opt/google/dataflow/go_template_launcher
COPY --from=build /out/flexbeam-template /opt/flexbeam/flexbeam-template
ENV FLEX_TEMPLATE_GO_BINARY=/opt/flexbeam/flexbeam-template
ENV FLEXBEAM_WORKER_IMAGE=${WORKER_IMAGE}
USER 65532:65532
ENTRYPOINT ["/opt/google/dataflow/go_template_launcher"]
