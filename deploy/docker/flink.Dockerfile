# Flink, and Beam's job server for it, as one image: the jars of the job server are on the class path of
# the JobManager and of each TaskManager, and the job server itself runs from the same image. Build it
# in the root of the repository:
#
#   docker build -f deploy/docker/flink.Dockerfile -t REGISTRY/flexbeam-flink:VERSION .
#
# The jars are those that the tests run with (internal/testkit/flinklocal). Two folders have them: the
# job server's is called gradle/wrapper, since a server leaves jars in such a folder out of what it
# sends with every job; the cluster has its own, in Flink's lib, without those of Flink and of loggers.

FROM maven:3.9.11-eclipse-temurin-17 AS jars
WORKDIR /build
COPY internal/testkit/flinklocal/pom.xml internal/testkit/flinklocal/packages.sha256 ./
WORKDIR /opt/beam/gradle/wrapper
RUN mvn -B -q -f /build/pom.xml org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies \
        -DoutputDirectory=/opt/beam/gradle/wrapper -DincludeScope=runtime \
    && sha256sum --check --quiet /build/packages.sha256 \
    && mkdir /opt/beam/lib \
    && find /opt/beam/gradle/wrapper -name '*.jar' ! -name 'flink-*' ! -name 'slf4j-*' ! -name 'log4j-*' -exec cp {} /opt/beam/lib/ \;

FROM flink:1.19.3-scala_2.12-java17
COPY --from=jars --chown=flink:flink /opt/beam/gradle/wrapper /opt/beam/gradle/wrapper
COPY --from=jars --chown=flink:flink /opt/beam/lib /opt/flink/lib
RUN mkdir -p /opt/flink/plugins/s3-fs-hadoop /opt/flink/plugins/gs-fs-hadoop \
    && cp /opt/flink/opt/flink-s3-fs-hadoop-*.jar /opt/flink/plugins/s3-fs-hadoop/ \
    && cp /opt/flink/opt/flink-gs-fs-hadoop-*.jar /opt/flink/plugins/gs-fs-hadoop/ \
    && chown -R flink:flink /opt/flink/plugins
USER 9999
