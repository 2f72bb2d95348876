#!/bin/sh
# Makes what compose.yml reads: passwords, the master secret, an authority and two certificates.
#
#     sh deploy/make-secrets.sh [folder]
#
# They go to `secrets` and `tls` in the folder, or else beside this script. A folder that is there is
# left as it is: to renew the certificates take `tls` away, run this again and start the stores and
# the nodes anew. Needs openssl. It is a script, against the habit here, because who runs the images
# has no toolchain.
set -eu
umask 077

# The users of the images: postgres and redis have the same number in theirs, and ours is our own.
stores=999
service=10001
# Of the certificates; the authority's key is thrown away, so nobody signs another by it.
days=825

where=${1:-$(dirname "$0")}
where=$(cd "$where" && pwd)
if [ -e "$where/secrets" ] && [ -e "$where/tls" ]; then
    echo "$where/secrets and $where/tls are there already: nothing is made" >&2
    exit 1
fi

# What is half made is never seen under its name.
draft=$(mktemp -d "$where/.made-XXXXXX")
finish() {
    status=$?
    # openssl tells of its progress, which matters only where it fails.
    [ "$status" = 0 ] || cat "$draft/said" >&2
    rm -rf "$draft"
    exit "$status"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
: >"$draft/said"

random() { openssl rand -hex 32; }

make_secrets() {
    made=$draft/secrets
    mkdir "$made"
    superuser=$(random) owner=$(random) nodes=$(random) redis=$(random)
    verified='sslmode=verify-full&sslrootcert=/tls/ca.pem'
    # The superuser makes the two roles, and is not needed again.
    cat >"$made/superuser.env" <<EOF
POSTGRES_PASSWORD=$superuser
PGPASSWORD=$superuser
OWNER_PASSWORD=$owner
NODES_PASSWORD=$nodes
EOF
    cat >"$made/owner.env" <<EOF
PGPASSWORD=$owner
LATCHKEY__STORE__DATABASE_URL=postgres://latchkey_owner:$owner@postgres/latchkey?$verified
EOF
    cat >"$made/latchkey.env" <<EOF
LATCHKEY__STORE__DATABASE_URL=postgres://latchkey:$nodes@postgres/latchkey?$verified
LATCHKEY__STORE__REDIS_URL=rediss://:$redis@redis
EOF
    # `port 0`: nothing in clear. A counter that is evicted is a limit that is forgotten.
    cat >"$made/redis.conf" <<EOF
port 0
tls-port 6379
tls-cert-file /tls/redis.pem
tls-key-file /tls/redis.key
tls-ca-cert-file /tls/trusted/ca.pem
tls-auth-clients no
requirepass $redis
maxmemory-policy noeviction
EOF
    random >"$made/master.key"
    chmod 0400 "$made/master.key"
}

# make_certificate <name>: a key, and a certificate for that name by the authority.
make_certificate() {
    openssl req -new -config "$draft/request" -subj "/CN=$1" -newkey ec \
        -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$made/$1.key" -out "$draft/$1.csr"
    cat >"$draft/extensions" <<EOF
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:$1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
EOF
    openssl x509 -req -in "$draft/$1.csr" -sha256 -days "$days" -extfile "$draft/extensions" \
        -CA "$made/trusted/ca.pem" -CAkey "$draft/ca.key" -set_serial "0x$(openssl rand -hex 16)" \
        -out "$made/$1.pem"
}

make_tls() {
    made=$draft/tls
    mkdir "$made" "$made/trusted"
    # The system's own configuration would add to what is asked for here.
    cat >"$draft/request" <<EOF
[req]
distinguished_name = name
x509_extensions = authority
[name]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
EOF
    openssl req -x509 -config "$draft/request" -subj "/CN=Latchkey's stores" -sha256 \
        -days "$days" -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -keyout "$draft/ca.key" -out "$made/trusted/ca.pem"
    make_certificate postgres
    make_certificate redis
    # The name under which a folder of authorities is searched.
    cp "$made/trusted/ca.pem" "$made/trusted/$(openssl x509 -hash -noout -in "$made/trusted/ca.pem").0"
    # Certificates are no secrets, and their readers are other users; keys stay 0600.
    chmod 0755 "$made" "$made/trusted"
    chmod 0644 "$made"/*.pem "$made"/trusted/*
}

# give <owner> <file>…: the images' users must be able to read their files, which nobody else may.
give() {
    owner=$1
    shift
    if [ "$(id -u)" = 0 ]; then
        chown "$owner" "$@"
    else
        echo "by root, before the start:  chown $owner $*"
    fi
}

# publish <name>: puts what is made under its name.
publish() {
    mv "$draft/$1" "$where/$1"
    echo "made $where/$1"
}

if [ ! -e "$where/secrets" ]; then
    make_secrets
    publish secrets
    give "$stores" "$where/secrets/redis.conf"
    give "$service" "$where/secrets/master.key"
    echo "back up $where/secrets/master.key apart from the database: without it nobody is found again"
fi
if [ ! -e "$where/tls" ]; then
    make_tls 2>"$draft/said"
    publish tls
    give "$stores" "$where/tls/postgres.key" "$where/tls/redis.key"
    echo "the certificates end $(openssl x509 -enddate -noout -in "$where/tls/postgres.pem" | cut -d= -f2)"
fi
if [ "$(id -u)" != 0 ]; then
    echo "an engine without root counts users anew: there  podman unshare chown …  instead"
fi
