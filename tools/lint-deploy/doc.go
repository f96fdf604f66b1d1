// Command lint-deploy looks at what is under deploy/ as far as that can be done without a cluster, a
// cloud or a container engine:
//
//   - Kubernetes: every object is decoded into the type of its API, which refuses fields that there
//     are not; Flink's are held to the schema that Flink's operator publishes. Then rules of our own:
//     nobody runs as root, images have versions, memory has a limit, no secret stands in the open,
//     selectors and volumes lead somewhere, Flink shows its metrics.
//   - Terraform: every resource has the attributes and blocks of its provider (providers.json, from the
//     providers' own schemas), all that is required, and references lead somewhere; modules get their
//     variables. Then Terraform itself validates each module, with this program in the place of the
//     providers: their own programs come from a registry that only Terraform asks.
//   - Prometheus: rules and their expressions are parsed by Prometheus, and ask for metrics and labels
//     that flexbeam or Flink show.
//   - Every alert has a section that says what is asked and what to do.
//   - Dockerfiles find what they copy and build. Their syntax is hadolint's (make lint-deploy).
//   - No file is there that neither this command nor a test looks at.
package main
