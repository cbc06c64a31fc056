#!/bin/sh
# Makes what the proxy and LinkWatch show each other, in this folder:
#
#   sh certificates.sh meet.example.vn
#
# ca.key      signs both; keep it away from either machine
# ca.pem      both machines: whom to believe
# server.pem, server.key   the meeting server (nginx)
# client.pem, client.key   LinkWatch
set -eu

host=${1:?"usage: sh certificates.sh NAME-OR-ADDRESS-OF-THE-MEETING-SERVER [DAYS]"}
days=${2:-825}
case $host in
  *:*) name=IP:$host ;;
  *[!0-9.]*) name=DNS:$host ;;
  *) name=IP:$host ;;
esac
umask 077

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

sign() { # FILE SUBJECT EXTENSIONS
  key "$1"
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
  printf '%s\n' "$3" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$days" -extfile "$1.ext" \
    -out "$1.pem" 2> /dev/null
  rm "$1.csr" "$1.ext"
}

if [ ! -e ca.pem ]; then
  key ca
  openssl req -x509 -new -key ca.key -subj "/CN=LinkWatch inside" -days 3650 \
    -addext keyUsage=critical,keyCertSign -out ca.pem
fi
sign server "$host" "subjectAltName=$name
extendedKeyUsage=serverAuth"
sign client linkwatch "extendedKeyUsage=clientAuth"
