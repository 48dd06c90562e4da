#!/bin/sh
# Makes a one-time link, sends a file through it with curl as an end user would, and waits until the video plays.
#
#   HEADWATER_PUBLIC_URL=… HEADWATER_ACCOUNT_ID=… HEADWATER_API_TOKEN=… ./form-link.sh video.mp4

set -eu
file=${1:-video.mp4}
stream="$HEADWATER_PUBLIC_URL/client/v4/accounts/$HEADWATER_ACCOUNT_ID/stream"

# A text member of the JSON on standard input, by its name.
member() {
  grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4
}

# The program that has the token asks for a link. Nothing longer than an hour will be taken.
link=$(curl --fail-with-body --silent --show-error \
  --header "Authorization: Bearer $HEADWATER_API_TOKEN" \
  --data '{"maxDurationSeconds": 3600, "meta": {"name": "from curl"}}' \
  "$stream/direct_upload")
id=$(echo "$link" | member uid)
echo "video $id"

# The end user needs the link only, no credentials. Over 1 MiB curl sends "Expect: 100-continue" and waits for a word
# from the server, so a link that is used or expired costs no upload.
curl --fail-with-body --silent --show-error --form "file=@$file" "$(echo "$link" | member uploadURL)"
echo

while :; do
  video=$(curl --fail-with-body --silent --show-error \
    --header "Authorization: Bearer $HEADWATER_API_TOKEN" "$stream/$id")
  case $(echo "$video" | member state) in
    ready) echo "watch it at $(echo "$video" | member preview)" && exit 0 ;;
    error) echo "$video" | member errorReasonText >&2 && exit 1 ;;
  esac
  sleep 1
done
