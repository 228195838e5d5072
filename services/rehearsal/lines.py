"""What is built: lines of industry for investors, public works for governments."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """`trade` is the investor's trade, or the bureau that builds; `works` what the project does, `industrial`
    whether it counts as an industrial project, `stages` the milestones of building in order."""

    industry: str
    works: tuple[str, ...]
    trade: str
    industrial: bool = False
    stages: tuple[str, ...] = ()


PLANT = ("场地平整完成", "厂房基础完工", "厂房主体完工", "厂房围护完工", "生产设备进场", "设备安装完成", "联动调试完成")
HOUSE = ("场地平整完成", "基础完工", "主体施工至正负零", "主体封顶", "二次结构完工", "机电安装完成", "室外工程完成")
ROAD = (
    "征地拆迁完成",
    "清表及软基处理完成",
    "路基贯通",
    "桥涵主体完工",
    "路面基层完成",
    "面层摊铺完成",
    "附属设施完成",
)
WATER = ("围堰与导流完成", "土方开挖完成", "主体构筑物完工", "管网铺设过半", "设备安装完成", "单机试车完成")
FIELD = ("土地流转完成", "道路与沟渠完成", "大棚骨架完工", "水电配套完成", "首批种植到位", "冷库与分拣车间完工")

INVESTMENT: tuple[Line, ...] = (
    Line("食品制造", ("绿色食品加工", "果蔬深加工", "乳制品生产线", "中央厨房"), "食品", True, PLANT),
    Line("装备制造", ("智能装备制造", "环保设备生产", "电力装备制造", "数控机床改造"), "装备", True, PLANT),
    Line("汽车零部件", ("汽车零部件产业园", "车用线束生产", "轻量化底盘件生产"), "汽配", True, PLANT),
    Line("新能源", ("光伏组件生产", "风电叶片基地", "储能电池组装", "农光互补发电"), "新能源", True, PLANT),
    Line("新材料", ("新型节能建材", "高分子材料生产", "特种纤维扩建"), "新材料", True, PLANT),
    Line("医药制造", ("中药饮片加工", "生物制剂生产", "医疗器械产业化"), "药业", True, PLANT),
    Line("纺织服装", ("高档针织面料", "毛毯智能化改造", "箱包研发生产"), "纺织", True, PLANT),
    Line("现代物流", ("冷链物流园", "电商仓储中心", "农产品物流港"), "物流", False, HOUSE),
    Line("商贸服务", ("商贸综合体", "家居建材市场", "农贸市场改造"), "商贸", False, HOUSE),
    Line("文化旅游", ("山水文旅小镇", "乡村民宿集群", "红色研学营地", "太行山休闲度假区"), "文旅", False, HOUSE),
    Line("现代农业", ("设施农业示范园", "食用菌产业园", "中药材种植基地"), "农业", False, FIELD),
    Line("电子信息", ("大数据机房", "电子元件生产", "软件产业园"), "信息科技", True, PLANT),
)

GOVERNMENT: tuple[Line, ...] = (
    Line("交通", ("县道改造", "过境公路改线", "农村公路提升", "城区路网打通"), "交通工程建设处", stages=ROAD),
    Line("教育", ("第一中学新校区", "职教中心迁建", "寄宿制小学"), "教育项目办", stages=HOUSE),
    Line("卫生", ("人民医院扩建", "中医院迁建", "疾控中心改造"), "卫生项目办", stages=HOUSE),
    Line("水利", ("河道综合治理", "水库除险加固", "引水入城"), "水利工程建设处", stages=WATER),
    Line("市政", ("污水处理厂提标", "集中供热管网", "垃圾转运站", "供水管网改造"), "市政工程建设处", stages=WATER),
    Line("保障安居", ("棚户区改造", "公租房", "易地扶贫搬迁安置区"), "住房保障项目办", stages=HOUSE),
    Line("园区基础设施", ("开发区道路管网", "标准厂房", "园区变电站"), "园区建设办", stages=HOUSE),
    Line("生态", ("城市湿地公园", "矿山修复", "环城林带"), "生态项目办", stages=FIELD),
)

SITES = (
    "城北工业区",
    "开发区纬三路",
    "城南新区",
    "东外环以西",
    "滨河路以北",
    "产业园起步区",
    "镇区西侧",
    "高铁站前片区",
)
"""Where a project stands within its unit."""
