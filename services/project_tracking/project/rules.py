"""What a clerk may not do with a project 项目, each rule once: stable code, sentence in Chinese, in English."""

from __future__ import annotations

from services.chassis.domain import Event, Rule
from services.project_tracking.events import project as facts
from services.project_tracking.events.terms import Step

NOT_REGISTERED = Rule("PROJECT_NOT_REGISTERED", "项目还没有登记", "The project is not registered")
DATE_TOO_EARLY = Rule("DATE_TOO_EARLY", "日期 {given} 过早,请核对年份", "{given} is too long ago; check the year")
ALREADY_RECORDED = Rule(
    "ALREADY_RECORDED",
    "{fact}已有记录;如原记录有误,请填写更正原因",
    "{fact_en} is recorded already; if it was recorded wrongly, give a correction reason",
)
NOTHING_TO_CORRECT = Rule(
    "NOTHING_TO_CORRECT",
    "{fact}还没有记录,无可更正;请去掉更正原因后填报",
    "{fact_en} is not recorded yet, so there is nothing to correct; leave the correction reason out",
)
PROJECT_ENDED = Rule(
    "PROJECT_ENDED",
    "项目已于 {ended} 结束(投产、终止或调出),只接受更正",
    "The project ended on {ended} (in production, terminated or withdrawn); only corrections are taken",
)
UNIT_NOT_VALID = Rule(
    "UNIT_NOT_VALID",
    "单位代码 {unit_code} 在 {given} 不是有效单位",
    "{unit_code} is not a valid unit on {given}",
)
RULES_NOT_ADOPTED = Rule("RULES_NOT_ADOPTED", "项目规则还没有发布", "No rule set for projects is adopted yet")

USCC_CHECK_FAILED = Rule(
    "USCC_CHECK_FAILED",
    "统一社会信用代码 {given} 的校验码不符(应为 {expected});确认无误的请勾选“核验存疑”",
    "The check character of {given} does not fit (expected {expected}); if the code is real, mark it as doubtful",
)
AREA_NOT_VALID = Rule(
    "AREA_NOT_VALID",
    "用地面积应大于 0 亩、不超过 1000000 亩,最多四位小数",
    "The area must be more than 0 and at most 1,000,000 mu, with at most four decimals",
)
PLANNED_DATES_CROSSED = Rule(
    "PLANNED_DATES_CROSSED",
    "计划竣工 {completion} 早于计划开工 {start}",
    "The planned completion, {completion}, is before the planned start, {start}",
)
PLANNED_TOO_FAR = Rule(
    "PLANNED_TOO_FAR",
    "计划日期 {given} 晚于 {latest}(登记当年后第十年年底),请核对年份",
    "The planned day {given} is later than {latest}, the end of the tenth year after the registration; check the year",
)

APPROVAL_NOT_ON_CHECKLIST = Rule(
    "APPROVAL_NOT_ON_CHECKLIST",
    "审批事项 {approval_id} 不在这类项目的清单上",
    "{approval_id} is not on the checklist of this kind of project",
)
APPROVAL_NOT_PENDING = Rule(
    "APPROVAL_NOT_PENDING",
    "审批事项 {approval_id} 没有正在办理的申报",
    "There is no pending filing of {approval_id}",
)
GRANTED_AFTER_START = Rule(
    "GRANTED_AFTER_START",
    "{name}是开工的前置审批,通过日期不能晚于开工日期 {started}",
    "{name} is required for the start and can't be granted after it, {started}",
)

GOVERNMENT_SIGNS_NOTHING = Rule(
    "GOVERNMENT_SIGNS_NOTHING",
    "政府投资项目不需要签约",
    "A government project signs nothing",
)
NOT_READY_TO_START = Rule(
    "NOT_READY_TO_START",
    "截至 {given} 还不具备开工条件,缺:{missing}",
    "Not ready to start on {given}; missing: {missing_en}",
)
NOT_SIGNED = Rule(
    "PROJECT_NOT_SIGNED",
    "已开工的招商项目须有签约记录",
    "An investment project that has started must have been signed",
)
NOT_STARTED = Rule("PROJECT_NOT_STARTED", "项目还没有开工", "The project has not started")
NOT_COMPLETED = Rule("PROJECT_NOT_COMPLETED", "项目还没有竣工", "The project is not completed")
NOT_SUSPENDED = Rule("PROJECT_NOT_SUSPENDED", "项目没有暂停,不能复工", "The project is not suspended")
SUSPENDED = Rule(
    "PROJECT_SUSPENDED",
    "{given} 在项目暂停期间({since} 起),不能登记{step}",
    "The project was suspended on {given} (since {since}); {step_en} can't be recorded for that day",
)
OUT_OF_ORDER = Rule(
    "DATES_OUT_OF_ORDER",
    "{later}({later_on})不能早于{earlier}({earlier_on})",
    "{later_en} ({later_on}) can't be before {earlier_en} ({earlier_on})",
)
STEP_NOT_RECORDED = Rule("STEP_NOT_RECORDED", "{step}没有记录,无可撤销", "{step_en} is not recorded")
STEP_NOT_LATEST = Rule(
    "STEP_NOT_LATEST",
    "只能撤销最近的环节;{step}之后已有以它为前提的记录",
    "Only the latest step can be retracted; later facts rest on {step_en}",
)

BASELINE_JUDGED = Rule(
    "BASELINE_JUDGED",
    "已按这条基线亮过灯,不能再更正;请申请调整基线",
    "Lamps were given by this baseline, so it can't be corrected; request a re-baseline",
)
NO_BASELINE = Rule("PROJECT_HAS_NO_BASELINE", "项目还没有基线", "The project has no baseline yet")
REBASELINE_PENDING = Rule(
    "REBASELINE_PENDING",
    "第 {number} 号基线调整申请还在等待批复",
    "The request for baseline {number} is still waiting for a decision",
)
REBASELINE_NOT_FOUND = Rule(
    "REBASELINE_NOT_FOUND", "没有第 {number} 号基线调整申请", "There is no request for baseline {number}"
)
REBASELINE_DECIDED = Rule(
    "REBASELINE_DECIDED",
    "第 {number} 号基线调整申请已有批复",
    "The request for baseline {number} is decided already",
)
MILESTONE_NOT_PLANNED = Rule(
    "MILESTONE_NOT_PLANNED",
    "节点 {milestone_id} 不在现行基线中",
    "{milestone_id} is not a milestone of the baseline in force",
)
MILESTONE_IS_A_STEP = Rule(
    "MILESTONE_IS_A_STEP",
    "开工、竣工节点以开工、竣工登记为准,不单独填报",
    "The start's and the completion's milestone are reached by recording the start and the completion",
)

PERCENT_NOT_VALID = Rule(
    "PERCENT_NOT_VALID",
    "形象进度应在 0 到 100 之间,最多两位小数",
    "Physical progress must be from 0 to 100, with at most two decimals",
)
PHYSICAL_DECREASED = Rule(
    "PHYSICAL_DECREASED",
    "形象进度不能倒退:{month} 已报 {known}%;原月报有误的请更正原月报",
    "Physical progress can't go back: {known} % is reported for {month}; correct that report if it is wrong",
)
INVESTED_ABOVE_TOTAL = Rule(
    "INVESTED_ABOVE_TOTAL",
    "累计完成投资将达 {invested} 元,超过登记总投资 {total} 元的 120%({limit} 元);请核对数字(单位:元);"
    "确属增加投资的,请先更正项目登记中的总投资",
    "The investment would come to {invested} yuan in all, more than 120 % ({limit} yuan) of the registered total of"
    " {total} yuan; check the figures (in yuan); if the project has grown, correct the registration's total first",
)
MONTH_NOT_BEGUN = Rule(
    "MONTH_NOT_BEGUN", "{given} 还不能填报 {month} 的月报", "{month} can't be reported on {given} yet"
)
MONTH_BEFORE_START = Rule(
    "MONTH_BEFORE_START",
    "{month} 早于开工月份 {started},没有月报",
    "{month} is before the month of the start, {started}",
)
MONTH_BEFORE_REGISTRATION = Rule(
    "MONTH_BEFORE_REGISTRATION",
    "{month} 早于项目登记月份 {registered},不填月报;此前的投资请合计填入登记中的“首次月报前已完成投资”",
    "{month} is before the month of the registration, {registered}, and is not reported; give what was invested"
    " before in the registration, as invested before the first report",
)
MONTH_AFTER_END = Rule(
    "MONTH_AFTER_END",
    "{month} 晚于项目竣工或结束的月份 {ended}",
    "{month} is after the month of the project's completion or end, {ended}",
)
END_BEFORE_REPORT = Rule(
    "END_BEFORE_REPORT",
    "{end}({end_on})不能早于已填报的{reported},请核对日期",
    "{end_en} ({end_on}) can't be before {reported_en}, which has come already; check the day",
)
MILESTONE_BEFORE_START = Rule(
    "MILESTONE_BEFORE_START",
    "节点 {milestone_id}({reached} 完成)按计划在开工之后,不能早于开工({started})",
    "The milestone {milestone_id} (reached on {reached}) is planned after the start and can't be before it ({started})",
)
MONTH_SUSPENDED = Rule(
    "MONTH_SUSPENDED", "{month} 整月暂停,没有月报", "The project was suspended for the whole of {month}"
)
WEEK_NOT_MONDAY = Rule(
    "WEEK_NOT_MONDAY", "周报的周以星期一的日期表示,{given} 不是星期一", "A week is named by its Monday; {given} is none"
)
WEEK_NOT_BEGUN = Rule(
    "WEEK_NOT_BEGUN", "{given} 还不能填报 {week} 那一周的周报", "The week of {week} can't be reported on {given} yet"
)
WEEK_OUTSIDE_LIFE = Rule(
    "WEEK_OUTSIDE_LIFE",
    "{week} 那一周不在项目登记({registered})到结束之间",
    "The week of {week} is not between the project's registration ({registered}) and its end",
)
LAMP_NOT_DUE = Rule("LAMP_NOT_DUE", "{month} 的亮灯还没有到期", "The lamp of {month} is not due yet")

STEP_WORDS: dict[Step, tuple[str, str]] = {
    Step.SIGNED: ("签约", "The signing"),
    Step.STARTED: ("开工", "The start"),
    Step.SUSPENDED: ("暂停", "The suspension"),
    Step.RESUMED: ("复工", "The resumption"),
    Step.COMPLETED: ("竣工", "The completion"),
    Step.IN_PRODUCTION: ("投产", "The start of production"),
    Step.TERMINATED: ("终止", "The termination"),
    Step.WITHDRAWN: ("调出", "The withdrawal"),
}
"""Names of the steps inside the sentences of rules."""

FACT_WORDS: dict[type[Event], tuple[str, str]] = {
    facts.ProjectRegistered: ("项目登记", "The registration"),
    facts.ProjectApprovalFiled: ("该事项的申报", "The filing"),
    facts.ProjectApprovalReturned: ("该事项的退回", "The return"),
    facts.ProjectApprovalGranted: ("该事项的通过", "The approval"),
    facts.ProjectSigned: STEP_WORDS[Step.SIGNED],
    facts.ProjectStarted: STEP_WORDS[Step.STARTED],
    facts.ProjectBaselineSet: ("基线", "The baseline"),
    facts.ProjectRebaselineRequested: ("基线调整申请", "The request for a re-baseline"),
    facts.ProjectRebaselineApproved: ("基线调整的批复", "The approval of the re-baseline"),
    facts.ProjectRebaselineRejected: ("基线调整的批复", "The rejection of the re-baseline"),
    facts.ProjectMilestoneReached: ("该节点的完成", "The milestone"),
    facts.ProjectProgressReported: ("该月月报", "The month's report"),
    facts.ProjectWeeklyReportSubmitted: ("该周周报", "The week's report"),
    facts.ProjectSuspended: STEP_WORDS[Step.SUSPENDED],
    facts.ProjectResumed: STEP_WORDS[Step.RESUMED],
    facts.ProjectCompleted: STEP_WORDS[Step.COMPLETED],
    facts.ProjectPutIntoProduction: STEP_WORDS[Step.IN_PRODUCTION],
    facts.ProjectTerminated: STEP_WORDS[Step.TERMINATED],
    facts.ProjectWithdrawn: STEP_WORDS[Step.WITHDRAWN],
}
"""Names of the facts inside the sentences of rules."""
