#!/bin/sh
# Installs the servers that tests of returners start for themselves: MariaDB, PostgreSQL, Redis. Nothing is
# started. Where they cannot be installed those tests are skipped, which in CI (CI=true) is a failure.
set -eu

has_postgres() {
  for program in /usr/lib/postgresql/*/bin/postgres; do
    [ -x "$program" ] && return 0
  done
  command -v postgres >/dev/null
}

PATH="$PATH:/usr/sbin:/sbin"
missing=''
command -v mariadbd >/dev/null || missing="$missing mariadb-server"
has_postgres || missing="$missing postgresql"
command -v redis-server >/dev/null || missing="$missing redis-server"
[ -n "$missing" ] || exit 0

give_up() {
  echo "test-stores: $1, so there is no$missing here" >&2
  [ "${CI:-}" = true ] && exit 1
  echo 'test-stores: tests against them are skipped' >&2
  exit 0
}
command -v apt-get >/dev/null || give_up 'packages are installed with apt-get only'
[ "$(id -u)" = 0 ] || give_up 'packages are installed by root only'

# Debian starts what it installs, unless this says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  # Not every sh runs the trap of EXIT when it is killed.
  trap 'exit 130' INT
  trap 'exit 143' TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
echo "test-stores: installing$missing…" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2 || echo 'test-stores: apt-get update failed; the lists of packages are those of before' >&2
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 $missing >&2 ||
  give_up 'apt-get does not install them'
