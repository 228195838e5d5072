-- The role of a city and its database, with the least right that a city needs: CONNECT, and CREATE for its schemas. Run by
-- psql 15 or newer as a superuser, who owns the database; again it changes nothing, and takes away what is too much.
-- The password comes from the environment: an argument would be shown to whoever lists processes.
\getenv password BIZENV_DATABASE_PASSWORD
SELECT format('CREATE ROLE bizenv LOGIN PASSWORD %L', :'password')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bizenv') \gexec
ALTER ROLE bizenv LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
SELECT 'CREATE DATABASE bizenv TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C.UTF-8'''
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'bizenv') \gexec
ALTER DATABASE bizenv OWNER TO CURRENT_USER;
REVOKE ALL ON DATABASE bizenv FROM PUBLIC;
GRANT CONNECT, CREATE ON DATABASE bizenv TO bizenv;
