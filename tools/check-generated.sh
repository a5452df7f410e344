#!/usr/bin/env bash
# Regenerates in a copy of the tree and compares: generated code that is stale or edited by hand fails.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 -I{} sh -c 'test ! -f "$1" || cp --parents -p "$1" "$2"' _ {} "$copy"
mkdir -p "$copy/.cache"
ln -s "$PWD/.cache/tools" "$copy/.cache/tools"
"$copy/tools/generate.sh"
rm -rf "$copy/.cache"
stale=0
while read -r file; do
  cmp -s "$copy/$file" "$file" || { echo "stale: $file" >&2; stale=1; }
done < <(cd "$copy" && find . -type f)
while read -r file; do
  [ -e "$copy/$file" ] || { echo "no longer generated: $file" >&2; stale=1; }
done < <(git ls-files --cached --others --exclude-standard | while read -r f; do [ ! -f "$f" ] || echo "$f"; done)
[ "$stale" = 0 ] || { echo "run make generate, and commit what it writes" >&2; exit 1; }
echo "generated files are up to date"
