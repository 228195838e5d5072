"""Invented names. Everything carries 「(演练)」, and owners 「拟真」, so that nobody takes them for real ones."""

from __future__ import annotations

from random import Random

from services.project_tracking.project.uscc import check_character

MARK = "(演练)"
"""In front of every project's name."""

FIRST = (
    "云岭", "青禾", "瑞川", "泽远", "景明", "松岚", "启澜", "恒澄", "朗溪", "嘉穗", "望舒", "清沅", "晴川", "远岫",
    "知微", "澄怀", "长汀", "和煦", "临风", "沐野", "星渚", "曦和", "雁来", "禾光", "庭芜", "听泉", "白鹭", "丹枫",
    "碧梧", "紫藤", "鹿鸣", "栖霞", "静池", "凌霄", "飞渡", "采薇", "扶光", "归燕", "海棠", "槐序", "兰舟", "明远",
    "南乔", "平芜", "青岚", "若水", "三省", "书远", "天衡", "同舟", "维桢", "问渠", "闻溪", "西岭", "闲云", "新柯",
    "修远", "雅集", "野渡", "映山", "永安里", "雨前", "玉衡", "元启", "月浦", "照野", "致和", "竹里", "子衿", "左岸",
)  # fmt: skip
"""Words for projects and their owners."""

UNUSED_DIVISION = "990000"
"""In a credit code the division that registered it; there is none by this number, so no real owner has the code."""


def project_name(unit: str, word: str, line: str) -> str:
    """「(演练)<单位><词><内容>项目」."""
    return f"{MARK}{unit}{word}{line}项目"


def company(word: str, trade: str) -> str:
    """An investor that doesn't exist."""
    return f"拟真{word}{trade}有限公司"


def builder(unit: str, bureau: str) -> str:
    """The office that builds for a unit's government."""
    return f"{MARK}{unit}{bureau}"


def credit_code(number: int, chance: Random) -> str:
    """A code whose check character fits and that belongs to nobody."""
    body = f"91{UNUSED_DIVISION}YL{number:04d}{chance.randint(0, 999):03d}"
    return body + check_character(body)
