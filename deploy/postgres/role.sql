-- The role of a city and its database, with the least right that a city needs: CONNECT, and CREATE for its schemas. Run by
-- psql 15 or newer as a superuser, who owns the database; again it writes nothing, unless it
-- has to take away what is too much.
-- The password comes from the environment: an argument would be shown to whoever lists processes.
\getenv password BIZENV_DATABASE_PASSWORD
SELECT format('CREATE ROLE bizenv LOGIN PASSWORD %L', :'password')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bizenv') \gexec
SELECT 'ALTER ROLE bizenv LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION'
  FROM pg_roles
 WHERE rolname = 'bizenv' AND (NOT rolcanlogin OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication) \gexec
SELECT 'CREATE DATABASE bizenv TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C.UTF-8'''
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'bizenv') \gexec
SELECT 'ALTER DATABASE bizenv OWNER TO CURRENT_USER'
  FROM pg_database
 WHERE datname = 'bizenv' AND pg_get_userbyid(datdba) <> current_user \gexec
SELECT 'REVOKE ALL ON DATABASE bizenv FROM PUBLIC'
 WHERE has_database_privilege('public', 'bizenv', 'CONNECT, CREATE, TEMP') \gexec
SELECT 'GRANT CONNECT, CREATE ON DATABASE bizenv TO bizenv'
 WHERE NOT (has_database_privilege('bizenv', 'bizenv', 'CONNECT') AND has_database_privilege('bizenv', 'bizenv', 'CREATE')) \gexec
