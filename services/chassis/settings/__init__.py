"""All settings, from the environment, checked at start.

declared: each setting with its default and meaning · environment: how variables become a Struct ·
rules: what a value must be, in words.
"""

from services.chassis.settings.declared import Settings, settings_table
from services.chassis.settings.environment import SettingsError
from services.chassis.settings.rules import SettingRow

__all__ = ["SettingRow", "Settings", "SettingsError", "settings_table"]
