"""Baoding's programme of 2017 as data: complete, in the plan's own words, and right on the days that matter."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from services.policy_registry.events import (
    Every,
    Origin,
    ProgrammeRecord,
    Roll,
    RuleSet,
    UnitKind,
    UnitRegister,
    checklist,
    flag,
    members_on,
    number,
    phases_on,
    responsible_on,
    rule_set_on,
    scored_on,
    text_on,
    unit,
    unit_on,
    unit_with_code,
    whole,
)
from services.policy_registry.programme import PROGRAMME, AdoptProgramme
from services.policy_registry.programme_files import load_programme
from services.policy_registry.unit_registry import UNIT_REGISTRY
from tests.unit.policy_registry.samples import FACTS

FOLDER = Path(__file__).parents[3] / "deploy" / "programmes" / "baoding-2017"
TERRITORIES = (UnitKind.DISTRICT, UnitKind.COUNTY, UnitKind.CITY)
MARCH, APRIL = date(2017, 3, 31), date(2017, 4, 1)

# Copied by hand from the plan, so that the data is held against the plan and not against itself.
FAULTS = {
    "惠企政策专项整治": "落实不到位,执行打折扣,宣读不及时等问题",
    "政务窗口服务质量专项整治": "工作流程不顺畅,办事环节繁琐、办事过程不透明、简政放权缺乏针对性,不作为、乱作为等问题",
    "园区承载能力专项整治": (
        "金融平台招商政策不健全、硬件设施不完备、配套功能不完善、改革措施不到位、"
        "承接京津产业转移和科技成果转化不强等问题"
    ),
    "重点项目企业监管专项整治": "推诿扯皮、久拖不办、执法不规范、工作周期长、征迁占地不顺畅等问题",
    "政府失信行为专项整治": ("招商引资乱承诺、承诺不兑现和已承诺的招商政策、已签订的招商项目合同无法落实到位等问题"),
    "改革创新能力专项整治": "创新能力不足、创新勇气欠佳、缺乏攻坚克难和创新突破等问题",
}
FAULT_COUNTS = [3, 6, 5, 5, 3, 3]
GROUPS = {
    "全力抓好招商引资促进工作": [
        "制定招商引资新政策",
        "搭建全市投资促进网络平台",
        "打造招商引资高地",
        "整顿规范市场经济秩序",
    ],
    "全面提升招商项目服务水平": [
        "提升政务服务中心服务效能",
        "继续推进我市的外商投资管理体制改革",
        "加强外资项目建设",
    ],
    "积极落实支持政策措施": [
        "明确办理流程,适时组织政策宣讲会",
        "实行土地资源择优配置机制",
        "实行重点项目投融资扶持机制",
    ],
    "着力提升园区平台承载能力": [
        "加快推进经济开发区、高新技术产业开发区等园区建设",
        "加快推进创新平台建设",
        "继续推进开发区在机构编制、人事和薪酬制度改革、行政审批、投融资平台建设等四大重点领域的改革工作",
        "推进开发区招商引资机制和创新项目孵化转化机制改革",
    ],
    "强化项目建设目标责任管理": ["实行重点项目目标管理", "实行重点项目县级党政领导责任制"],
    "全面提高项目监管质量水平": [
        "建立重点项目质量评价制度",
        "实行重大产业项目动态监控制度",
        "建立重点项目在线管理制度",
    ],
    "完善重点项目落实保障机制": ["实行重大项目“五个一”分包机制", "实行“4+2”项目观摩考核机制"],
}
NAMED = {
    5: {"shenpiju", "zhengwu_zhongxin"},
    9: {"shizhengfu"},
    15: {"shizhengfu"},
    18: {"shiwei_duchashi", "shizhengfu_duchashi", "fagaiwei"},
    21: {"shiwei", "shizhengfu"},
}


@cache
def adoption() -> AdoptProgramme:
    command = load_programme(FOLDER)[0]
    assert isinstance(command, AdoptProgramme)
    return command


@cache
def programme() -> ProgrammeRecord:
    return PROGRAMME.fold(PROGRAMME.decide(PROGRAMME.initial, adoption(), FACTS))


@cache
def register() -> UnitRegister:
    state = UNIT_REGISTRY.initial
    for command in load_programme(FOLDER)[1:]:
        state = UNIT_REGISTRY.fold(UNIT_REGISTRY.decide(state, command, FACTS), state)
    return state


def rules(name: str, day: date = MARCH) -> RuleSet:
    found = rule_set_on(programme(), name, day)
    assert found is not None
    return found


class TestThePlan:
    def test_six_campaigns_with_the_faults_that_the_plan_names(self) -> None:
        campaigns = adoption().campaigns
        assert [campaign.title for campaign in campaigns] == list(FAULTS)
        assert [len(campaign.faults) for campaign in campaigns] == FAULT_COUNTS
        for campaign in campaigns:
            assert FAULTS[campaign.title] in campaign.quote
            rest = FAULTS[campaign.title].removesuffix("等问题")
            for fault in campaign.faults:
                assert fault.title in rest
                rest = rest.replace(fault.title, "", 1)
            assert rest.strip(",、和") == "", f"the plan names more than the data: {rest}"

    def test_21_measures_in_seven_groups(self) -> None:
        titles = {group.id: group.title for group in adoption().groups}
        found: dict[str, list[str]] = {title: [] for title in titles.values()}
        for measure in adoption().measures:
            found[titles[measure.group]].append(measure.title)
        assert found == GROUPS
        assert [measure.number for measure in adoption().measures] == list(range(1, 22))
        assert [measure.id for measure in adoption().measures] == [f"m{number:02}" for number in range(1, 22)]

    def test_departments_as_far_as_the_plan_names_them(self) -> None:
        found = {each.number: {named.unit_id for named in each.departments} for each in adoption().measures}
        assert {key: value for key, value in found.items() if value} == NAMED

    def test_a_unit_is_named_for_each_of_its_parts(self) -> None:
        land = next(measure for measure in text_on(programme(), MARCH).measures if measure.number == 9)
        parts = [(named.unit_id, named.part) for named in land.departments]
        assert parts == [("shizhengfu", "统筹全市耕地占补平衡指标"), ("shizhengfu", "召开重点项目会议一事一议")]

    def test_everything_has_an_english_name(self) -> None:
        text = text_on(programme(), MARCH)
        parts = (text.campaigns, text.groups, text.measures, text.phases, text.duties)
        assert [each.id for part in parts for each in part if each.english is None] == []
        assert [fault.id for campaign in text.campaigns for fault in campaign.faults if fault.english is None] == []

    @pytest.mark.parametrize(
        ("day", "phases"),
        [
            (date(2017, 2, 28), []),
            (date(2017, 3, 1), ["mobilise"]),
            (date(2017, 3, 10), ["mobilise", "carry_out"]),
            (date(2017, 3, 11), ["carry_out"]),
            (date(2017, 10, 30), ["carry_out"]),
            (date(2017, 10, 31), []),
            (date(2017, 11, 1), ["consolidate"]),
            (date(2017, 12, 31), ["consolidate"]),
            (date(2018, 1, 1), []),
        ],
    )
    def test_phases_share_the_10th_of_march_and_leave_out_the_31st_of_october(
        self, day: date, phases: list[str]
    ) -> None:
        assert [phase.id for phase in phases_on(programme(), day)] == phases

    def test_the_quarterly_report_is_due_on_the_25th_strictly(self) -> None:
        report = next(duty for duty in adoption().duties if duty.id == "quarterly_report")
        rhythm = report.rhythm
        assert (rhythm.every, rhythm.month, rhythm.day, rhythm.roll) == (Every.QUARTER, 3, 25, Roll.STRICT)
        assert report.addressee.units == ("yingshang_zu",)

    def test_two_observation_rounds_a_year(self) -> None:
        rounds = [duty.rhythm for duty in adoption().duties if duty.id.startswith("observation_")]
        assert [(each.month, each.opens_day, each.day) for each in rounds] == [(7, 1, 10), (12, 21, 31)]

    def test_what_is_inferred_names_its_basis(self) -> None:
        assert adoption().basis
        assert all(duty.basis for duty in adoption().duties if duty.inferred)
        assert {"quarterly_report", "weekly_report"} <= {duty.id for duty in adoption().duties if duty.inferred}

    def test_no_person_is_named(self) -> None:
        for file in FOLDER.rglob("*.toml"):
            text = file.read_text(encoding="utf-8")
            assert not [name for name in ("王月衡", "王国勇", "侯晓平", "许红琳") if name in text], file


class TestTheRules:
    def test_the_lamps_hold_from_the_first_day_of_the_year(self) -> None:
        project = rules("project", date(2017, 1, 1))
        assert [str(number(project, name)) for name in ("green_from", "watch_from", "yellow_from")] == [
            "0.95",
            "0.80",
            "0.60",
        ]
        names = ("milestone_watch_days", "milestone_yellow_days", "milestone_red_days")
        assert [whole(project, name) for name in names] == [1, 8, 16]
        assert [whole(project, name) for name in ("yellow_months_to_red", "lamp_day")] == [2, 6]
        assert rule_set_on(programme(), "project", date(2016, 12, 31)) is None

    def test_approvals_by_kind_of_project(self) -> None:
        investment = checklist(rules("project"), "checklist.investment")
        government = checklist(rules("project"), "checklist.government")
        assert [item.name for item in investment] == [
            "项目备案(核准)",
            "建设用地预审",
            "建设用地规划许可",
            "环境影响评价",
            "建筑工程施工许可",
        ]
        assert [item.name for item in government] == [
            "项目建议书",
            "可行性研究报告批复",
            "初步设计批复",
            "建设用地预审",
            "建设用地规划许可",
            "环境影响评价",
            "建筑工程施工许可",
        ]
        assert all(flag(item, "required_for_start") for item in (*investment, *government))

    def test_the_numbers_of_the_plan(self) -> None:
        assert number(rules("land"), "key_project_share_min") == Decimal("0.6")
        observation = rules("observation")
        names = ("rounds_per_year", "new_projects_per_unit", "completed_projects_per_unit")
        assert [whole(observation, name) for name in names] == [2, 4, 2]
        assert len(checklist(rules("evaluation"), "checklist.dimensions")) == 7
        assert len(checklist(rules("five_ones"), "checklist.five_ones")) == 5

    def test_only_the_numbers_of_the_plan_are_called_so(self) -> None:
        origins = {
            each.id: {p.origin for p in each.parameters} | {listed.origin for listed in each.checklists}
            for each in adoption().rule_sets
        }
        assert origins.pop("project") == {Origin.OURS, Origin.OTHER_CITY}
        assert all(origin == {Origin.PLAN} for origin in origins.values())


class TestTheUnits:
    def test_24_units_and_two_zones_in_march_2017(self) -> None:
        kinds = [len(members_on(register(), MARCH, kind)) for kind in (*TERRITORIES, UnitKind.ZONE)]
        assert kinds == [5, 15, 4, 2]
        assert len(scored_on(register(), MARCH)) == 23 + 2

    def test_xiongan_leaves_in_april_and_22_are_scored(self) -> None:
        before, after = scored_on(register(), MARCH), scored_on(register(), APRIL)
        assert {span.name for span in before} - {span.name for span in after} == {"容城县", "安新县", "雄县"}
        assert len([span for span in after if span.kind is not UnitKind.ZONE]) == 20
        assert len(after) == 22

    def test_dingzhou_belongs_but_is_not_scored(self) -> None:
        span = unit_on(register(), "dingzhou", APRIL)
        assert span is not None
        assert not span.scored

    @pytest.mark.parametrize(
        ("code", "before", "after"),
        [
            ("130602", "新市区", "竞秀区"),
            ("130603", "北市区", None),
            ("130604", "南市区", None),
            ("130606", None, "莲池区"),
            ("130621", "满城县", None),
            ("130607", None, "满城区"),
            ("130622", "清苑县", None),
            ("130608", None, "清苑区"),
            ("130625", "徐水县", None),
            ("130609", None, "徐水区"),
        ],
    )
    def test_codes_before_and_after_2015(self, code: str, before: str | None, after: str | None) -> None:
        found = [unit_with_code(register(), code, day) for day in (date(2014, 12, 31), date(2016, 1, 1))]
        assert [span and span.name for span in found] == [before, after]

    def test_what_is_inferred_is_marked(self) -> None:
        record = unit(register(), "jingxiu")
        assert record is not None
        assert record.spans[0].inferred
        assert record.spans[0].basis is not None


class TestThePosts:
    @pytest.mark.parametrize(
        ("subject", "posts"),
        [
            (
                "programme:baoding-2017",
                {"gov_party_member", "deputy_secretary_general", "fagaiwei_director", "shangwuju_director"},
            ),
            ("measure:m18", {"shiwei_duchashi_head", "shizhengfu_duchashi_head", "fagaiwei_director"}),
            ("measure:m21", {"shiwei_main_leader", "shizhengfu_main_leader"}),
            ("unit:130602", {"jingxiu_party_head", "jingxiu_government_head"}),
        ],
    )
    def test_who_answers_for_what(self, subject: str, posts: set[str]) -> None:
        assert {post.post_id for post in responsible_on(register(), subject, MARCH)} == posts

    def test_county_heads_answer_for_key_projects_until_their_county_leaves(self) -> None:
        before = responsible_on(register(), "measure:m16", MARCH)
        after = responsible_on(register(), "measure:m16", APRIL)
        assert len(before) == 2 * 26
        assert {post.unit_id for post in before} - {post.unit_id for post in after} == {
            "rongcheng",
            "anxin",
            "xiongxian",
        }
