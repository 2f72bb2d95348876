# As the image's own: begun by root it gives the data to `redis` and goes on as that user. A script,
# as the image has one.
set -eu
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    chown -R redis .
    exec setpriv --reuid=redis --regid=redis --init-groups "$@"
fi
exec "$@"
