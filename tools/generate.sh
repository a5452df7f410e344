#!/usr/bin/env bash
# Writes everything that is generated: ocb's main package, mdatagen's metadata packages, docs/reference, distro/monitor.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/.cache/tools

mkdir -p distro/otelcol-ordertrace
log=$("$tools/builder" --config builder-config.yaml --skip-compilation --skip-get-modules --skip-strict-versioning=false 2>&1) || {
  echo "$log" >&2
  exit 1
}
rm -f distro/otelcol-ordertrace/go.mod
find . -name metadata.yaml -not -path './.cache/*' -printf '%h\n' | sort | while read -r dir; do
  (cd "$dir" && "$tools/mdatagen" metadata.yaml)
done
gofmt -w distro/otelcol-ordertrace
go run ./cmd/ordertrace presets --markdown > docs/reference/presets.md
ORDERTRACE_ALERT_WEBHOOK=true ORDERTRACE_ALERT_TOKEN=/etc/ordertrace/alertmanager.token \
  go run ./cmd/ordertrace rules --config preset:standalone --out distro/monitor > /dev/null
