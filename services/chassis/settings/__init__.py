"""All settings, from the environment, checked at start.

declared: each setting with its default and meaning · kinds: of values · environment: how variables become a Struct ·
rules: what a value must be, in words · addresses: those of databases, brokers and peers · secret: a value shown
nowhere · agreement: what several must be together · servers: as those take them who open connections · tls: the
certificates of the gRPC door and of peers.
"""

from services.chassis.settings.declared import Settings, settings_table
from services.chassis.settings.environment import SettingsError
from services.chassis.settings.rules import SettingRow
from services.chassis.settings.secret import Secret
from services.chassis.settings.servers import database_url, peers_of

__all__ = ["Secret", "SettingRow", "Settings", "SettingsError", "database_url", "peers_of", "settings_table"]
