#!/usr/bin/env bash
# Gets the servers that the demo and the end-to-end tests run, and says what it does.
#
#   tools/backends.sh               everything below that is missing
#   tools/backends.sh jaeger …      only these: jaeger hotrod prometheus promtool alertmanager amtool
#   tools/backends.sh debian        only the Debian packages
#
# Programs are built once from pinned modules into .cache/bin and built again when the pin changes. One that
# JAEGER_BIN, HOTROD_BIN, PROMETHEUS_BIN, PROMTOOL_BIN, ALERTMANAGER_BIN or AMTOOL_BIN names, or that is in
# PATH in a version that will do, is linked instead. Root installs missing Debian packages through apt;
# anybody else is told which, and the demo then uses the shop's own stand-ins.
set -euo pipefail
cd "$(dirname "$0")/.."

jaeger_version=v1.76.0 # Jaeger v2.13; its module still counts in v1
prometheus_version=v0.316.0 # Prometheus 3.16
alertmanager_version=v0.31.1 # the newest whose module compiles
debian_packages=(rabbitmq-server postgresql prometheus-postgres-exporter redis-server gcc libc6-dev) # gcc: for the race detector

bin=$PWD/.cache/bin
mkdir -p "$bin"
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }

# built NAME VERSION: is .cache/bin/NAME there, made of this version by this Go?
built() { [[ -x $bin/$1 && $(cat "$bin/.$1.stamp" 2>/dev/null) == "$2 $(go env GOVERSION)" ]]; }
stamp() { echo "$2 $(go env GOVERSION)" >"$bin/.$1.stamp"; }

# given NAME PATTERN: link the program that the caller names, or one of PATH whose --version matches.
given() {
	local variable path=""
	variable=$(tr '[:lower:]' '[:upper:]' <<<"$1")_BIN
	if [[ -n ${!variable:-} ]]; then
		path=${!variable}
	elif [[ -n $2 ]] && path=$(command -v "$1") && ! "$path" --version 2>&1 | grep -q "$2"; then
		path=""
	fi
	[[ -n $path ]] || return 1
	ln -sf "$(readlink -f "$path")" "$bin/$1"
	rm -f "$bin/.$1.stamp"
	say "$1: using $path"
}

# progress COMMAND…: run it, and say every 20 seconds that it still runs.
progress() {
	local started=$SECONDS pid
	"$@" &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		if (((SECONDS - started) % 20 == 0)); then say "  … $((SECONDS - started)) s" >&2; fi
	done
	wait "$pid" && say "  done in $((SECONDS - started)) s" >&2
}

build_jaeger_module() { # NAME PACKAGE PATTERN
	built "$1" "$jaeger_version" && return
	given "$1" "$3" && return
	say "building $1 ($2 $jaeger_version); about 5 minutes when nothing is cached"
	rm -f "$bin/$1" # it may be a link to somebody's program
	(cd tools/jaeger && progress go build -mod=mod -trimpath -ldflags='-s -w' -o "$bin/$1" "$2")
	stamp "$1" "$jaeger_version"
}

install_module() { # NAME VERSION PACKAGE PATTERN FLAGS…
	local name=$1 version=$2 package=$3 pattern=$4
	shift 4
	built "$name" "$version" && return
	given "$name" "$pattern" && return
	say "building $name ($package@$version); up to 5 minutes when nothing is cached"
	rm -f "$bin/$name"
	GOBIN=$bin progress go install -trimpath -ldflags='-s -w' "$@" "$package@$version"
	stamp "$name" "$version"
}

debian() {
	local missing=() p
	for p in "${debian_packages[@]}"; do
		[[ $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null) == "install ok installed" ]] || missing+=("$p")
	done
	((${#missing[@]})) || return 0
	if ! command -v apt-get >/dev/null || [[ $(id -u) != 0 ]]; then
		say "not installed: ${missing[*]}. As root: apt-get install --no-install-recommends ${missing[*]}"
		return 0
	fi
	say "installing ${missing[*]} through apt"
	export DEBIAN_FRONTEND=noninteractive
	# Packages start their services when they are installed; the demo and the tests start their own.
	local policy=/usr/sbin/policy-rc.d
	if [[ ! -e $policy ]]; then
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT # whatever happens below
		printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
	fi
	apt-get update -qq >/dev/null
	progress apt-get install -qq -y --no-install-recommends "${missing[@]}" >"$bin/apt.log" 2>&1 || {
		tail -20 "$bin/apt.log" >&2
		return 1
	}
	[[ -z $(trap -p EXIT) ]] || rm -f $policy
	trap - EXIT
}

get() {
	case $1 in
	debian) debian ;;
	jaeger) build_jaeger_module jaeger github.com/jaegertracing/jaeger/cmd/jaeger 'version v2\.' ;;
	hotrod) build_jaeger_module hotrod github.com/jaegertracing/jaeger/examples/hotrod '' ;;
	prometheus | promtool)
		install_module "$1" $prometheus_version "github.com/prometheus/prometheus/cmd/$1" 'version 3\.' -tags remove_all_sd
		;;
	alertmanager | amtool)
		install_module "$1" $alertmanager_version "github.com/prometheus/alertmanager/cmd/$1" 'version 0\.\(2[7-9]\|[3-9]\)'
		;;
	*)
		echo "unknown: $1; see the head of $0" >&2
		exit 2
		;;
	esac
}

if (($# == 0)); then set -- debian jaeger hotrod prometheus promtool alertmanager amtool; fi
for what in "$@"; do get "$what"; done
