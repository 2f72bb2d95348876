# As the image's own: begun by root it gives the data to `postgres` and goes on as that user; where
# there is no data it makes some, with $POSTGRES_PASSWORD for the superuser. A script, as the
# image has one: nothing of ours is in it.
set -eu
if [ "$1" = postgres ]; then
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$PGDATA"
        chmod 0700 "$PGDATA"
        exec setpriv --reuid=postgres --regid=postgres --init-groups sh "$0" "$@"
    fi
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        umask 077
        printf %s "$POSTGRES_PASSWORD" >/tmp/password
        initdb --username=postgres --pwfile=/tmp/password --auth-local=trust \
            --auth-host=scram-sha-256
        rm /tmp/password
        echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
        echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    fi
fi
exec "$@"
