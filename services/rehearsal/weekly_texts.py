"""What weekly reports say: tasks with a quantity foreseen and a quantity done, problems, help asked for."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from services.rehearsal.chance import maybe

PAPERWORK = (
    ("{item}申报材料的编制", "份"),
    ("与{item}审批部门的对接", "次"),
    ("用地组卷所需要件的收集", "项"),
    ("施工图审查意见的回复", "条"),
    ("设备选型考察", "家"),
    ("与村集体的征地协商", "场"),
    ("地质勘察钻孔", "个"),
)
BUILDING = (
    ("基础混凝土浇筑", "立方米", 400, 1800),
    ("钢结构吊装", "吨", 60, 320),
    ("主体砌筑", "立方米", 150, 700),
    ("屋面板安装", "平方米", 800, 4200),
    ("厂区道路硬化", "平方米", 600, 3000),
    ("室外管网铺设", "米", 120, 900),
    ("设备基础施工", "座", 3, 14),
    ("生产设备安装", "台(套)", 4, 26),
    ("电缆桥架敷设", "米", 200, 1500),
    ("外墙保温", "平方米", 500, 2600),
)
BEFORE_START = (
    ("地上附着物尚有 {n} 户未签补偿协议", "请县里组织征迁专班驻村推进"),
    ("{item}等待专家评审,已排队 {n} 天", "请审批部门尽快安排评审"),
    ("用地指标尚缺 {n} 亩", "请国土部门统筹安排占补平衡指标"),
    ("项目贷款尚未获批,资本金还差 {n}00 万元", "请金融办协调银行加快审批"),
    ("设计单位出图慢,比约定晚 {n} 天", None),
    ("高压线迁改方案未定,影响场地移交", "请电力部门尽快确定迁改路由"),
)
ON_SITE = (
    ("临时用电容量不足,塔吊不能同时作业", "请电力部门协调增容"),
    ("项目贷款尚未放款,后续资金缺口 {n}00 万元", "请金融办协调银行加快放款"),
    ("重污染天气应急响应期间停工 {n} 天", None),
    ("商品混凝土供应紧张,日均缺口 {n} 立方米", None),
    ("连续降雨,基坑积水抽排影响工期约 {n} 天", None),
    ("设备厂家推迟交货 {n} 天", "请商务部门帮助与供货方沟通"),
    ("熟练技工不足,缺 {n} 人左右", None),
    ("进场道路由村民自建,重车通行受阻", "请乡镇协调道路使用"),
)
PREPARED = (
    "本周推进{task},完成{done}{unit}。",
    "前期工作按计划进行,{task}完成{done}{unit}。",
    "{task}本周完成{done}{unit}。",
)
BUILT = (
    "本周完成{task}{done}{unit},现场作业 {men} 人。",
    "{task}完成{done}{unit},投入机械 {machines} 台。",
    "现场正常施工,完成{task}{done}{unit}。",
    "{task}持续推进,本周完成{done}{unit}。",
)
NEXT = (
    "计划完成{task}{planned}{unit}。",
    "下周完成{task}{planned}{unit},并做好安全检查。",
    "力争完成{task}{planned}{unit}。",
)


@dataclass(frozen=True)
class Task:
    """What is foreseen for a week."""

    task: str
    unit: str
    planned: int
    building: bool


def paperwork(item: str, chance: Random) -> Task:
    """A week's work before the start."""
    task, unit = chance.choice(PAPERWORK)
    return Task(task.format(item=item), unit, chance.randint(1, 6), building=False)


def building(chance: Random) -> Task:
    """A week's work on the site."""
    task, unit, least, most = chance.choice(BUILDING)
    step = 10 if most > 100 else 1
    return Task(task, unit, chance.randint(least // step, most // step) * step, building=True)


def progress_text(task: Task, factor: float, chance: Random) -> str:
    """What was done of what had been foreseen."""
    done = max(1, round(task.planned * factor))
    words = chance.choice(BUILT if task.building else PREPARED)
    men, machines = chance.randint(18, 160), chance.randint(3, 18)
    return words.format(task=task.task, done=f" {done} ", unit=task.unit, men=men, machines=machines)


def next_text(task: Task, chance: Random) -> str:
    """What is foreseen for the week to come."""
    return chance.choice(NEXT).format(task=task.task, planned=f" {task.planned} ", unit=task.unit)


def problem(item: str, pace: int, chance: Random, *, on_site: bool) -> tuple[str | None, str | None]:
    """A problem and the help asked for; the worse the pace, the more often."""
    if not maybe(chance, (0.12, 0.3, 0.55, 0.8)[pace]):
        return None, None
    words, help_needed = chance.choice(ON_SITE if on_site else BEFORE_START)
    return words.format(n=chance.randint(2, 20), item=item), help_needed
