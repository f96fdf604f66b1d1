# flexbeam itself: jobs in one process, with their state in /data; and what submits jobs to Flink and
# Dataflow. Build it in the root of the repository:
#
#   docker build -f deploy/docker/flexbeam.Dockerfile -t REGISTRY/flexbeam:VERSION .
#
# It links DuckDB, a C++ library, so it needs a base with glibc and libstdc++. With the tag osusergo it
# runs under any ID, such as that of docker run --user, also of a user whom the image does not know.

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -tags osusergo -ldflags "-s -w" -o /out/bin/flexbeam ./cmd/flexbeam && mkdir -p /out/data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/bin/flexbeam /usr/local/bin/flexbeam
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 9464
ENTRYPOINT ["/usr/local/bin/flexbeam"]
