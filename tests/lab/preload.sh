#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
#
# preload.sh ROOT ARCHIVE...: import OCI archives into a containerd root.
# Runs in its own mount and pid namespaces: nothing is left if it is killed.
set -eu
root=$1
shift
mkdir -p "$root"
mount -t tmpfs tmpfs /run # short paths for sockets, seen by nobody else
work=/run/lab
mkdir "$work"
cat > "$work/config.toml" <<END
version = 2
root = "$root"
state = "$work/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$work/socket"
[ttrpc]
  address = "$work/ttrpc"
END
containerd --config "$work/config.toml" &
daemon=$!
tries=0
until ctr --address "$work/socket" version > /dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 150 ] || { echo "containerd does not answer" >&2; exit 1; }
    sleep 0.2
done
for archive in "$@"; do
    ctr --address "$work/socket" --namespace k8s.io images import --platform linux/amd64 "$archive"
done
ctr --address "$work/socket" --namespace k8s.io images list
kill "$daemon"
wait "$daemon" || true
