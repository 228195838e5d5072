#!/bin/sh
# The role bizenv and its database, as role.sql says; may be run again. The image `postgres` runs this once, as the
# superuser; elsewhere: BIZENV_DATABASE_PASSWORD=… in the environment, and psql's own variables (PGHOST, …) say where.
set -eu
: "${BIZENV_DATABASE_PASSWORD:?set it to the password that the role bizenv shall have}"
role=${BIZENV_ROLE_SQL:-$(dirname "$0")/role.sql}
psql -Xq -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres -f "$role"
