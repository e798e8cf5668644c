#!/bin/bash
# available.sh MODEL [VERSION]: exit 0 if the server has that model (that version) AVAILABLE, else 1 and its status.
# A probe: TensorFlow Serving's status URL answers 200 in every state. Bash alone: its image has neither curl nor wget.
set -u
trap '' PIPE  # a server that hangs up is no answer, not our end
model=${1:?"usage: available.sh MODEL [VERSION]"}
host=${REST_HOST:-127.0.0.1} port=${REST_PORT:-8501}
exec 3<>"/dev/tcp/$host/$port" || { echo "nothing listens on $host:$port" >&2; exit 1; }
printf 'GET /v1/models/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$model${2:+/versions/$2}" "$host" >&3 2> /dev/null
answer=$(timeout 5 cat <&3)
[[ $answer == *'"state": "AVAILABLE"'* ]] && exit 0
echo "${answer:-no answer from $host:$port}" >&2
exit 1
