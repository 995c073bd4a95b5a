#!/bin/sh
# Builds @tensorflow/tfjs-node 4.22 against the libtensorflow inside PyPI's `tensorflow-cpu` wheel, for machines that
# cannot reach the download its own install script makes.
#
#   native-setup.sh FOLDER     FOLDER keeps everything, outside the repository; prints the path of the package
#
# Needs node, npm, python3 with pip, a C++ compiler and make; 2 GB of disk. A finished FOLDER is used again.
set -eu
umask 022

folder=${1:?usage: native-setup.sh FOLDER}
tfjs_version=4.22.0
tensorflow_version=2.21.0
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
package=$folder/node_modules/@tensorflow/tfjs-node
stamp=$folder/built-$tfjs_version-$tensorflow_version-node$(node -p process.versions.modules)

if [ ! -e "$stamp" ]; then
  cd "$folder"
  echo '{ "private": true }' > package.json
  npm install --ignore-scripts --no-audit --no-fund --loglevel=error "@tensorflow/tfjs-node@$tfjs_version" >&2

  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --dest wheel "tensorflow-cpu==$tensorflow_version" >&2
  python3 - wheel/tensorflow_cpu-"$tensorflow_version"-*.whl wheel <<'PYTHON' >&2
import sys, zipfile
wheel, folder = sys.argv[1:]
wanted = ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2', 'tensorflow/include/')
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(folder, [name for name in archive.namelist() if name.startswith(wanted)])
PYTHON
  rm -f wheel/*.whl

  # The binding links libtensorflow; the wheel has the same symbols in libtensorflow_cc, which calls itself by that name.
  wheel=$folder/wheel/tensorflow
  rm -rf "$package/deps"
  mkdir -p "$package/deps/lib"
  ln -s "$wheel/include" "$package/deps/include"
  for name in libtensorflow.so libtensorflow.so.2 libtensorflow_cc.so.2; do
    ln -s "$wheel/libtensorflow_cc.so.2" "$package/deps/lib/$name"
  done
  for name in libtensorflow_framework.so libtensorflow_framework.so.2; do
    ln -s "$wheel/libtensorflow_framework.so.2" "$package/deps/lib/$name"
  done

  # Node's headers: beside the node that runs, where its package put them, else node-gyp fetches them.
  prefix=$(node -p 'require("path").resolve(process.execPath, "../..")')
  if [ -e "$prefix/include/node/node_api.h" ]; then headers=--nodedir=$prefix; else headers=; fi
  npm_folder=$(node -p 'require("path").dirname(require("fs").realpathSync(process.argv[1]))' "$(command -v npm)")
  cd "$package"
  # shellcheck disable=SC2086 # empty when unused
  node "$npm_folder/../node_modules/node-gyp/bin/node-gyp.js" rebuild $headers --loglevel=error \
    --module_name=tfjs_binding --module_path="$package/lib/napi-v8" --napi_version=9 --napi_build_version=8 >&2
  touch "$stamp"
fi
echo "$package"
