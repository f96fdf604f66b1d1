// Command lint-deploy looks at what is under deploy/ as far as that can be done without a cluster, a
// cloud or a container engine:
//
//   - Kubernetes: every object is decoded into the type of its API, which refuses fields that there
//     are not; Flink's are held to the schema that Flink's operator publishes. Then rules of our own:
//     nobody runs as root, images have versions, memory has a limit, no secret stands in the open,
//     selectors and volumes lead somewhere.
//   - Terraform: every resource has the attributes and blocks of its provider (providers.json, from the
//     providers' own schemas), all that is required, and references lead somewhere; modules get their
//     variables.
//   - Prometheus: rules and their expressions are parsed by Prometheus.
//   - Every alert has a section that says what to do.
//
// Dockerfiles are hadolint's (make lint-deploy).
package main
