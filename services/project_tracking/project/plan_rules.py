"""What a plan 基线计划 may not be, each rule once: in itself, and held against the project's registration 登记."""

from __future__ import annotations

from services.chassis.domain import Rule

PLAN_NOT_QUARTER_END = Rule(
    "PLAN_NOT_QUARTER_END", "计划点 {given} 不是季度末日", "The plan point {given} is not the last day of a quarter"
)
PLAN_NOT_ASCENDING = Rule(
    "PLAN_NOT_ASCENDING",
    "计划点应按日期先后排列且不重复,并晚于基线起点(见 {given})",
    "Plan points must follow each other by date, after the plan's start (see {given})",
)
PLAN_DECREASES = Rule(
    "PLAN_DECREASES",
    "计划累计投资不能减少(见 {given})",
    "The planned cumulative investment can't decrease (see {given})",
)
MILESTONE_TWICE = Rule(
    "MILESTONE_TWICE", "节点编号 {milestone_id} 重复", "The milestone id {milestone_id} is used twice"
)
MILESTONE_KIND_TWICE = Rule(
    "MILESTONE_KIND_TWICE",
    "开工节点和竣工节点各只能有一个",
    "There can be only one start and one completion milestone",
)
BASELINE_WITHOUT_START = Rule(
    "BASELINE_WITHOUT_START",
    "未开工项目的基线须有开工节点",
    "The baseline of a project that has not started needs a start milestone",
)
PLAN_WITHOUT_INVESTMENT = Rule(
    "PLAN_WITHOUT_INVESTMENT",
    "计划没有投资内容:起点 {starting} 元,终点 {planned} 元;计划累计投资应大于起点",
    "The plan plans no investment: {starting} yuan at its start and {planned} yuan at its end",
)
PLAN_MILESTONES_CROSSED = Rule(
    "PLAN_MILESTONES_CROSSED",
    "竣工节点 {completion} 早于开工节点 {start}",
    "The completion milestone, {completion}, is before the start milestone, {start}",
)
PLAN_WITHOUT_COMPLETION = Rule(
    "PLAN_WITHOUT_COMPLETION",
    "计划排到 {ends_on},已到登记的计划竣工({completion})或已投满总投资,须有竣工节点",
    "The plan runs to {ends_on}, reaches the registered planned completion ({completion}) or the total, and needs a"
    " completion milestone",
)
PLAN_STARTS_BELOW_INVESTED = Rule(
    "PLAN_STARTS_BELOW_INVESTED",
    "计划起点累计投资 {starting} 元少于登记的首次月报前已完成投资 {invested} 元;计划应从已完成的投资起算",
    "The plan begins with {starting} yuan, less than the {invested} yuan that the registration gives as invested before"
    " the first report",
)
PLAN_MONEY_BEFORE_START = Rule(
    "PLAN_MONEY_BEFORE_START",
    "按计划到开工({start})前一天已累计投资 {planned} 元,超过开工前最多 {limit} 元(总投资的五分之一);"
    "请核对开工节点,或让计划从开工起算",
    "By the day before the start ({start}) the plan invests {planned} yuan, more than the {limit} yuan (a fifth of the"
    " total) that can go into land and preparation; check the start milestone, or let the plan begin with the start",
)
PLAN_ABOVE_TOTAL = Rule(
    "PLAN_ABOVE_TOTAL",
    "计划累计投资 {planned} 元超过登记的总投资 {total} 元;总投资有误的请先更正登记",
    "The plan invests {planned} yuan, more than the registered total of {total} yuan; correct the registration first"
    " if the total is wrong",
)
PLAN_BELOW_TOTAL = Rule(
    "PLAN_BELOW_TOTAL",
    "计划到竣工({completion})累计投资 {planned} 元,应等于登记的总投资 {total} 元;总投资有误的请先更正登记",
    "By the completion ({completion}) the plan invests {planned} yuan, not the registered total of {total} yuan;"
    " correct the registration first if the total is wrong",
)
PLAN_STARTS_LATE = Rule(
    "PLAN_STARTS_LATE",
    "计划起点 {starts_on} 晚于应覆盖的 {since} 当月;计划应从开工起算(开工前申请的按开工节点,调整的按申请日期)",
    "The plan begins on {starts_on}, after the month of {since}, from which on it must cover the project",
)
PLAN_ENDS_EARLY = Rule(
    "PLAN_ENDS_EARLY",
    "计划在 {ends_on} 已经结束,没有覆盖 {since} 起的时间",
    "The plan is over on {ends_on} and does not cover the time from {since} on",
)
PLAN_BEFORE_PROJECT = Rule(
    "PLAN_BEFORE_PROJECT",
    "计划中的日期 {given} 早于项目的最早年份(登记、计划开工和开工中最早的,{earliest})",
    "{given} in the plan is before {earliest}, the first of the years in which the project was registered,"
    " planned to start or started",
)
PLAN_AFTER_COMPLETION = Rule(
    "PLAN_AFTER_COMPLETION",
    "计划中的日期 {given} 晚于登记的计划竣工 {latest};竣工日期有误的请先更正登记",
    "{given} in the plan is later than the registered planned completion, {latest}; correct the registration first if"
    " that is wrong",
)
PLAN_TOO_FAR = Rule(
    "PLAN_TOO_FAR",
    "计划中的日期 {given} 晚于 {latest}(登记当年后第十年年底),请核对年份",
    "{given} in the plan is later than {latest}, the end of the tenth year after the registration; check the year",
)
PLAN_OUTLASTS_COMPLETION = Rule(
    "PLAN_OUTLASTS_COMPLETION",
    "现行基线排到 {given},晚于更正后的计划竣工 {latest};请先申请调整基线(未亮过灯的可更正基线),再更正登记",
    "The plan in force runs to {given}, later than the corrected planned completion, {latest}; request a re-baseline"
    " first (or correct a plan by which no lamp was given), then correct the registration",
)
