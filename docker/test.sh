#!/usr/bin/env bash
# Installs what the tests need on Debian 12 with Go (as root) and runs them all, in real Jupyter and a real browser too.
#
#   bash docker/test.sh           everything
#   bash docker/test.sh --fast    without Jupyter, the browser and slow tests; installs nothing
set -euo pipefail
cd "$(dirname "$0")/.."
fast=${1:-}
export PATH="$PATH:/usr/local/go/bin"

say() { printf '\n== %s\n' "$*"; }

if [ -z "$fast" ]; then
  say "Install"
  bash docker/install-test-tools.sh
fi

say "Format, vet, staticcheck"
unformatted=$(gofmt -l $(git ls-files '*.go' 2>/dev/null || find . -name '*.go'))
[ -z "$unformatted" ] || { echo "gofmt would change: $unformatted"; exit 1; }
go vet ./...
go tool staticcheck ./...

say "Tests"
if [ -n "$fast" ]; then
  go test -short ./...
  exit
fi
GOALGAP_TORCH=1 GOALGAP_PROTOBUF=1 go test -timeout 40m ./...

say "The kernels for arm64, emulated"
GOARCH=arm64 CGO_ENABLED=0 go test -exec qemu-aarch64-static -timeout 20m \
  -run 'GEMM|Tanh$|Dots|SumOfProducts|AgainstFloat64|OfARow|SparseRows|Elementwise' ./lib/nn

say "Race detector, on the packages with goroutines"
go test -race -short -timeout 20m ./kernel/display ./kernel/widget ./kernel/worker/... ./kernel/jupyter ./kernel/notebook ./kernel/session \
  ./lib/env ./lib/ppo ./lib/nn ./lib/human/... ./lib/shift

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export JUPYTER_DATA_DIR=$work/jupyter JUPYTER_CONFIG_DIR=$work/config JUPYTER_RUNTIME_DIR=$work/runtime

say "The notebooks from the command line, quick setting"
go run ./kernel/goalgap run notebooks/*.ipynb -p quick=true -o "$work/reports"

say "Jupyter executes the notebook through the installed kernelspec"
go run ./kernel/goalgap install
jupyter kernelspec list
# nbconvert has no parameters: the quick setting goes into a copy.
go run ./docker/setquick notebooks/coinrun.ipynb "$work/coinrun.ipynb"
jupyter nbconvert --to notebook --execute --ExecutePreprocessor.timeout=600 --output executed "$work/coinrun.ipynb"
go run ./kernel/goalgap render "$work/executed.ipynb" -o "$work/reports"

say "The kernel under jupyter_kernel_test"
/usr/bin/python3 docker/kernel_test.py

say "A real browser: the notebook in Jupyter, the report without a network"
/usr/bin/python3 docker/browser_test.py "$work/coinrun.ipynb" "$work/reports" "$work" ${GOALGAP_SCREENSHOT:+"$GOALGAP_SCREENSHOT"}

say "JupyterLab, built from its packages"
bash docker/install-jupyterlab.sh "$work/lab"
/usr/bin/python3 docker/lab_test.py "$work/lab" "$work"

say "All tests passed"
