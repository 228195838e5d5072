#!/bin/sh
# For a new cluster: the role bizenv and a database where it may make schemas, nothing else. The image `postgres` runs
# this once, as the superuser; elsewhere: BIZENV_DATABASE_PASSWORD=… psql's own variables (PGHOST, …) say where.
set -eu
: "${BIZENV_DATABASE_PASSWORD:?set it to the password that the role bizenv shall have}"
psql -Xq -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres -v password="$BIZENV_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE bizenv LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE bizenv TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE bizenv FROM PUBLIC;
GRANT CONNECT, CREATE ON DATABASE bizenv TO bizenv;
SQL
