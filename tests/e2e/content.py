"""Documents of a made-up company: a Chinese handbook, English contracts, a price list.

PDFs are printed by the browser that the tests drive anyway; the Word file is written here.
"""

from io import BytesIO
from pathlib import Path

import docx

_PAGE = """<!doctype html><html lang="{lang}"><meta charset="utf-8"><style>
@page {{ size: A4; margin: 24mm 22mm 22mm; }}
body {{ font: 11pt/1.75 "Noto Serif CJK SC", "Source Serif 4", serif; color: #1d1a17; }}
h1 {{ font-size: 20pt; margin: 60mm 0 6mm; }} h2 {{ font-size: 14pt; break-before: page; margin: 0 0 6mm; }}
h3 {{ font-size: 11.5pt; margin: 6mm 0 2mm; }} p {{ margin: 0 0 3mm; text-align: justify; }}
table {{ border-collapse: collapse; width: 100%; font-size: 10pt; margin: 3mm 0; }}
td, th {{ border: .4pt solid #999; padding: 1.6mm 2.4mm; text-align: left; }} .small {{ font-size: 9pt; color: #666; }}
</style><body>{body}</body></html>"""

_LEAVE = """<h2>第六章　假期</h2>
<p>第四十一条　员工依法享有国家规定的法定节假日、婚假、产假、丧假及带薪年休假。请假须提前在系统中提交申请，经直接主管批准后生效。</p>
<p>第四十二条　职工累计工作已满 1 年不满 10 年的，年休假 5 天；已满 10 年不满 20 年的，年休假 10 天；已满 20 年的，年休假 15 天。国家法定休假日、休息日不计入年休假的假期。</p>
<p>第四十三条　年休假在一个年度内可以集中安排，也可以分段安排，一般不跨年度安排。因生产、工作特点确有必要跨年度安排的，经本人书面同意，可以跨一个年度安排。</p>
<p>第四十四条　确因工作需要不能安排年休假的，经职工本人同意，对应休未休的天数，按照该职工日工资收入的 300% 支付年休假工资报酬。</p>
<p>第四十五条　员工有下列情形之一的，不享受当年的年休假：依法享受寒暑假，其休假天数多于年休假天数的；请事假累计 20 天以上且单位按照规定不扣工资的。</p>"""

_CHAPTERS = [
    (
        "第一章　总则",
        [
            "为规范公司与员工的劳动关系，依据国家法律法规，结合公司实际，制定本手册。",
            "本手册适用于与公司签订劳动合同的全体员工，自 2026 年 1 月 1 日起施行。",
        ],
    ),
    (
        "第二章　入职与试用",
        [
            "新员工应在入职当日提交身份证明、学历证明和离职证明的原件与复印件。",
            "劳动合同期限满三年的，试用期不超过六个月；试用期内同样缴纳社会保险。",
        ],
    ),
    (
        "第三章　工作时间",
        [
            "公司实行每日工作八小时、每周工作四十小时的标准工时制。",
            "研发岗位可以申请弹性上班，核心工作时间为十点至十六点。",
        ],
    ),
    (
        "第四章　薪酬",
        [
            "工资于每月十日发放，遇节假日提前至最近的工作日。",
            "加班须事先经主管批准；休息日加班优先安排同等时间的补休。",
        ],
    ),
    (
        "第五章　差旅与报销",
        [
            "出差结束后三十日内提交报销申请，逾期须由部门负责人书面说明。",
            "住宿费标准：一线城市每晚不超过 600 元，其他城市每晚不超过 450 元，凭增值税发票报销。",
        ],
    ),
]

_TERMS = [
    (
        "1. Definitions",
        [
            "“Cooling Units” means the refrigerated containers listed in Annex A. “Services” means their delivery, maintenance and monitoring.",
            "Headings are for convenience and do not affect the meaning of this Agreement.",
        ],
    ),
    (
        "2. Term and termination",
        [
            "This Agreement runs for thirty-six months from 1 March 2026.",
            "Either party may terminate this Agreement by giving ninety days’ written notice to the other party.",
            "A party may terminate at once if the other commits a material breach and does not remedy it within thirty days of being asked to.",
        ],
    ),
    (
        "3. Delivery",
        [
            "The Supplier delivers within ten working days of an order. Delivery is complete when the goods are unloaded at the named site.",
            "For each full day of late delivery the Supplier pays 0.5 per cent of the value of the delayed goods, up to ten per cent.",
        ],
    ),
    (
        "4. Maintenance",
        [
            "Each cooling unit is inspected twice a year by a certified engineer. The report is sent to the Customer within five working days.",
            "A unit that leaves the range of 2 to 8 °C for more than thirty minutes is replaced within twenty-four hours.",
        ],
    ),
    (
        "5. Price and payment",
        [
            "Prices are fixed for the first twelve months. Invoices are payable within forty-five days of receipt.",
            "Prices may then be adjusted once a year by at most the consumer price index of the country of delivery.",
        ],
    ),
    (
        "6. Liability",
        [
            "The liability of either party is limited to the fees paid in the twelve months before the claim.",
            "Nothing in this Agreement limits liability for death, injury or wilful misconduct.",
        ],
    ),
]


def handbook_html() -> str:
    """员工手册: the leave of the story is on its seventh page."""
    title = '<h1>员工手册</h1><p>2026 年版</p><p class="small">人力资源部 发布</p>'
    chapters = "".join(
        f"<h2>{name}</h2>" + "".join(f"<p>{text}</p>" for text in texts)
        for name, texts in _CHAPTERS
    )
    tail = "<h2>第七章　离职</h2><p>员工提前三十日以书面形式通知公司，可以解除劳动合同；试用期内提前三日通知。</p>"
    return _PAGE.format(lang="zh-Hans", body=title + chapters + _LEAVE + tail)


def contract_html() -> str:
    """A frame contract: the notice period is on its third page, penalties on the fourth."""
    title = "<h1>Frame Agreement for Cooling Units</h1><p>between Northwind Logistics and Harbour Refrigeration</p>"
    parts = "".join(
        f"<h2>{name}</h2>" + "".join(f"<p>{text}</p>" for text in texts) for name, texts in _TERMS
    )
    annex = (
        "<h2>Annex A: units and prices</h2><table><tr><th>Unit</th><th>Volume</th><th>Monthly fee</th></tr>"
        "<tr><td>CU-20</td><td>28 m³</td><td>EUR 410</td></tr><tr><td>CU-40</td><td>58 m³</td><td>EUR 655</td></tr></table>"
    )
    return _PAGE.format(lang="en", body=title + parts + annex)


def report_html(number: int = 1) -> str:
    return _PAGE.format(
        lang="en",
        body=f"<h1>Inspection report {number}</h1><h2>Findings</h2><p>All {12 + number} units were inspected. Two door seals were replaced.</p>",
    )


def leave_docx() -> bytes:
    """休假与考勤管理办法: headings, text and a table, as Word keeps them."""
    document = docx.Document()
    document.add_heading("休假与考勤管理办法", level=0)
    document.add_heading("第一节　请假流程", level=1)
    document.add_paragraph(
        "员工请假应当提前三个工作日在系统中提出申请，由直接主管在一个工作日内批复。"
    )
    document.add_paragraph("病假须在返岗后五个工作日内补交医疗机构出具的证明，未补交的按事假处理。")
    document.add_heading("第二节　年休假的折算", level=1)
    document.add_paragraph(
        "离职时应休未休的年休假，按照日工资收入的百分之三百折算，随最后一个月工资发放。"
    )
    table = document.add_table(rows=1, cols=3)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text, table.rows[0].cells[2].text = (
        "累计工龄",
        "年休假",
        "依据",
    )
    for row in (
        ("满 1 年，不满 10 年", "5 天", "手册第四十二条"),
        ("满 10 年，不满 20 年", "10 天", "手册第四十二条"),
        ("满 20 年", "15 天", "手册第四十二条"),
    ):
        cells = table.add_row().cells
        for cell, text in zip(cells, row, strict=True):
            cell.text = text
    document.add_heading("第三节　考勤", level=1)
    document.add_paragraph(
        "每月迟到累计超过三次的，由部门负责人约谈；全年累计超过十二次的，影响年度评定。"
    )
    out = BytesIO()
    document.save(out)
    return out.getvalue()


PRICES_CSV = "Unit,Volume m3,Fee EUR,Valid from\nCU-20,28,410,2026-03-01\nCU-40,58,655,2026-03-01\nCU-40R,58,702,2026-06-01\n"

POLICY_MD = """# Parental leave for contractors

Contractors who have worked for us for twelve months may take up to **eight weeks** of unpaid parental leave.

## How to ask

1. Tell your manager at least eight weeks before.
2. Put the dates into the planning tool.
3. Hand over your work in the last week.

## While you are away

Your access is kept, but you are not expected to answer.
"""


def written(folder: Path, name: str, data: bytes | str) -> Path:
    """The file, for an upload."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path
