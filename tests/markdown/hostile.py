"""Text that a model might be talked into writing, so that showing it runs, fetches or leads somewhere.

`PAYLOADS` were written by hand, each live in some reader when nothing is done about it or near to what is; `payload(seed)`
composes more from the same parts in every Markdown container. `HOST` stands for a listener that must hear nothing.
"""

import random

HOST = "127.0.0.1:9"
PROBE = "probe"  # part of every address that must not be fetched

U = f"http://{HOST}/{PROBE}"

HTML = [
    "<script>window.ran=1</script>",
    "<SCRIPT SRC=//HOST/probe.js></SCRIPT>".replace("HOST", HOST),
    "<scr\nipt>window.ran=1</script>",
    "<script\n>window.ran=1</script\n>",
    "<script/x>window.ran=1</script>",
    f"<img src={U}.png>",
    "<img src=x onerror=window.ran=1>",
    "<img/src=x/onerror=window.ran=1>",
    '<img src="x" onerror="window.ran=1" alt="a > b">',
    "<img src=/api/probe>",
    f"<image href={U}>",
    f"<iframe src={U}></iframe>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    f"<object data={U}></object>",
    f"<embed src={U}>",
    f"<link rel=stylesheet href={U}>",
    f"<style>@import url({U})</style>",
    f"<style>body{{background:url({U})}}</style>",
    f"<p style='background:url({U})'>p</p>",
    f"<div style=background-image:url({U})>d",
    f"<meta http-equiv=refresh content='0;url={U}'>",
    f"<base href={U}>",
    f"<audio src={U} autoplay></audio>",
    f"<video poster={U}></video>",
    f"<video><source src={U}></video>",
    f"<input type=image src={U}>",
    f"<form action={U}><button>b</button></form>",
    f"<table background={U}><tr><td>t</table>",
    f"<body background={U}>",
    f"<svg><image href={U} /></svg>",
    "<svg onload=window.ran=1>",
    "<svg><script>window.ran=1</script></svg>",
    f"<svg><use href={U}#a /></svg>",
    "<math><mtext><style><img src=x onerror=window.ran=1>",
    "<details open ontoggle=window.ran=1>d</details>",
    "<b onmouseover=window.ran=1>b</b>",
    "<a href=javascript:window.ran=1>a</a>",
    "<!-- c --><img src=x onerror=window.ran=1>",
    "<!--><img src=x onerror=window.ran=1>-->",
    "<![CDATA[<img src=x onerror=window.ran=1>]]>",
    "<?php <img src=x onerror=window.ran=1> ?>",
    "<!DOCTYPE html><img src=x onerror=window.ran=1>",
    "</p><img src=x onerror=window.ran=1>",
    "</code></pre><img src=x onerror=window.ran=1>",
    "<div>\n\n<img src=x onerror=window.ran=1>\n\n</div>",
    "<x-y onfocus=window.ran=1 tabindex=1 autofocus>",
    "<template><img src=x onerror=window.ran=1></template>",
    "<noscript><img src=x onerror=window.ran=1></noscript>",
    "<textarea></textarea><img src=x onerror=window.ran=1>",
    "<<img src=x onerror=window.ran=1>",
    "\\<<img src=x onerror=window.ran=1>",
    "\\\\<img src=x onerror=window.ran=1>",
    "<im\0g src=x onerror=window.ran=1>",
    "<img\u2028src=x\u2028onerror=window.ran=1>",
    "<img\tsrc=x\tonerror=window.ran=1>",
    "<img\rsrc=x\ronerror=window.ran=1>",
    "\ufeff<img src=x onerror=window.ran=1>",
    "<img src=x onerror=window.ran=1",
    "<img src=x onerror=window.ran=1 \n\nafter",
    "&lt;img src=x onerror=window.ran=1&gt; <img src=x onerror=window.ran=1>",
]

LINKS = [
    "[a](javascript:window.ran=1)",
    "[a](JaVaScRiPt:window.ran=1)",
    "[a]( javascript:window.ran=1 )",
    "[a](<javascript:window.ran=1>)",
    "[a](java\\script:window.ran=1)",
    "[a](javascript&colon;window.ran=1)",
    "[a](&#106;avascript:window.ran=1)",
    "[a](&#x6A&#x61;vascript:window.ran=1)",
    "[a](java&Tab;script:window.ran=1)",
    "[a](java&NewLine;script:window.ran=1)",
    "[a](\x01javascript:window.ran=1)",
    "[a](\u00a0javascript:window.ran=1)",
    "[a](javascript\\:window.ran=1)",
    "[a](javascript:window.ran=1 'title')",
    "[a](\njavascript:window.ran=1)",
    "[a](vbscript:x)",
    "[a](data:text/html,<script>parent.ran=1</script>)",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](data:image/svg+xml,<svg onload=parent.ran=1>)",
    "[a](file:///etc/passwd)",
    "[a](//HOST/probe)",
    "[a](\\\\HOST\\probe)",
    "[a](/\\HOST/probe)",
    "[a](/api/shutdown)",
    "[a](api/contents/x.ipynb)",
    "[a](../lab?reset)",
    "[a](?reset)",
    "[a]()",
    "[a](<>)",
    "[a](blob:http://x/y)",
    "[a](http:probe)",
    "[a](https:/probe)",
    "[a](ftp://HOST/probe)",
    "[a](jupyter:x)",
    "[a][r]\n\n[r]: javascript:window.ran=1",
    "[r]\n\n[r]: <javascript:window.ran=1>",
    "[r][]\n\n[r]:\njavascript:window.ran=1",
    "[r]\n\n> [r]: javascript:window.ran=1",
    "[r]\n\n- [r]: javascript:window.ran=1",
    "[r]\n\n[r]: javascript:window.ran=1 'title'",
    "[r\ns]\n\n[r\ns]: javascript:window.ran=1",
    "[a\n```\n]: http://ok.ok\n<img src=x onerror=window.ran=1>\n```",
    '[r]: http://ok.ok "\n```\n<img src=x onerror=window.ran=1>\n```\n"',
    "<javascript:window.ran=1>",
    "<data:text/html,x>",
    "<ftp://HOST/probe>",
    "javascript://%0awindow.ran=1",
    "ftp://HOST/probe",
    "x://y/z",
    "[a [b](javascript:window.ran=1) c](http://ok.ok)",
    "[![a](javascript:window.ran=1)](javascript:window.ran=1)",
    "[a](http://ok.ok/\"onmouseover=\"window.ran=1)",
    "[a](http://ok.ok \"t\" onmouseover=window.ran=1 \"\")",
    "[a](http://ok.ok '\"onmouseover=window.ran=1 x=\"')",
    "<http://ok.ok/\"onmouseover=window.ran=1>",
    "http://ok.ok/\"onmouseover=\"window.ran=1",
    "a@b.c\"onmouseover=window.ran=1",
    "# [h](javascript:window.ran=1)",
    "| [t](javascript:window.ran=1) |\n|---|\n| [u](javascript:window.ran=1) |",
    "[^1]\n\n[^1]: javascript:window.ran=1",
]  # fmt: skip

IMAGES = [
    f"![i]({U}.png)",
    f"![i]({U}.png 'title')",
    f"![i](<{U}.png>)",
    f"![i][r]\n\n[r]: {U}.png",
    f"![r]\n\n[r]: {U}.png",
    f"![r][]\n\n[r]: {U}.png",
    "![i](//HOST/probe.png)",
    "![i](/api/probe)",
    "![i](/files/probe.png)",
    "![i](probe.png)",
    "![i](attachment:probe.png)",
    "![i](http:probe.png)",
    "![i](data:image/svg+xml,<svg onload=window.ran=1>)",
    "![i](data:image/svg+xml;base64,AAAA)",
    "![i](data:text/html;base64,AAAA)",
    "![i](DATA:image/png;base64,AAAA&quot;onerror=window.ran=1)",
    f"[![i]({U}.png)](http://ok.ok)",
    f"[x ![i]({U}.png) y](http://ok.ok)",
    f"![a ![b]({U}b.png) c]({U}.png)",
    f"![a [b](c) d]({U}.png)",
    f"!![i]({U}.png)",
    f"\\![i]({U}.png)",
    f"\\\\![i]({U}.png)",
    f"!\\[i]({U}.png)",
    f"![i\\]]({U}.png)",
    f"![i]\n({U}.png)",
    f"![i](\n{U}.png)",
    f"![`i]({U}.png)`",
    f"# ![i]({U}.png)",
    f"- ![i]({U}.png)",
    f"> ![i]({U}.png)",
    f"| ![i]({U}.png) |\n|---|\n| ![i]({U}.png) |",
    f"1. a\n\n   ![i]({U}.png)",
    f"- [ ] ![i]({U}.png)",
    f"term\n: ![i]({U}.png)",
    f"[^1]\n\n[^1]: ![i]({U}.png)",
    f"![]({U}.png)",
    f"**![i]({U}.png)**",
    f"~~![i]({U}.png)~~",
    '![" onload="window.ran=1](data:image/png;base64,AAAA)',
    '![a](data:image/png;base64,AAAA "t" onload="window.ran=1")',
]

MATHS = [
    '[a](http://ok.ok "$" onmouseover="window.ran=1" x="$")',
    '[a](http://ok.ok/$" onmouseover="window.ran=1" x="$)',
    'http://ok.ok/$" onmouseover="window.ran=1" x="$',
    'www.ok.ok/$" onmouseover="window.ran=1" x="$',
    'http://ok.ok/\\\\("onmouseover="window.ran=1\\\\)',
    'http://ok.ok/\\begin{a}"onmouseover="window.ran=1\\end{a}',
    '$" onmouseover="window.ran=1" x="$ [a](http://ok.ok/@\\@0@@)',
    '$" onmouseover="window.ran=1" x="$ [a](http://ok.ok "@\\@0@@")',
    '![$" onload="window.ran=1" x="$](data:image/png;base64,AAAA)',
    '```$" onmouseover="window.ran=1" x="$\ncode\n```',
    '```py" onmouseover="window.ran=1\ncode\n```',
    '```py"><img src=x onerror=window.ran=1>\ncode\n```',
    '~~~py" onmouseover="window.ran=1\ncode\n~~~',
    "$ ` $\n<img src=x onerror=window.ran=1> `",
    "$$\n```\n$$\n<img src=x onerror=window.ran=1>\n```",
    "a $\n```\n$ <img src=x onerror=window.ran=1>\n```",
    "- $\n  ```\n  $ <img src=x onerror=window.ran=1>\n  ```",
    "```\n$\n``` \nb $\n```\n<img src=x onerror=window.ran=1>\n```",
    "$a <img src=x onerror=window.ran=1> b$",
    "$$<img src=x onerror=window.ran=1>$$",
    "\\\\(<img src=x onerror=window.ran=1>\\\\)",
    "\\begin{a}<img src=x onerror=window.ran=1>\\end{a}",
    "$![i](URL)$",
    "$[a](javascript:window.ran=1)$",
    "$\n[r]: javascript:window.ran=1\n$ [r]",
    "$\\href{javascript:window.ran=1}{x}$",
    "$$\\href{javascript:window.ran=1}{x}$$",
    "$\\style{background:url(URL)}{x}$",
    "$\\class{c}{x}\\cssId{main}{y}$",
    "$\\require{html}\\href{javascript:window.ran=1}{x}$",
    "$\\includegraphics{URL}$",
    "$\\unicode{x3c}img src=x onerror=window.ran=1>$",
    "$\\text{<img src=x onerror=window.ran=1>}$",
    "$\\bbox[background:url(URL)]{x}$",
    "$\\mmlToken{mi}[href='javascript:window.ran=1']{x}$",
    "\\$\\\\href{javascript:window.ran=1}{x}\\$",
    "&#36;&#92;href{javascript:window.ran=1}{x}&#36;",
    "\\\\[\\href{javascript:window.ran=1}{x}\\\\]",
    "$\\def\\x{\\href}\\x{javascript:window.ran=1}{y}$",
]

DIAGRAMS = [
    "```mermaid\ngraph TD\nA[<img src=URL>]\n```",
    "```mermaid\ngraph TD\nA[<img src='URL' onerror='window.ran=1'>]-->B\n```",
    '```mermaid\ngraph TD\nA@{ img: "URL", label: "x" }\n```',
    '```mermaid\ngraph TD\nA["![i](URL)"]\n```',
    '```mermaid\ngraph TD\nA-->B\nclick A "javascript:window.ran=1"\n```',
    '```mermaid\ngraph TD\nA-->B\nclick A href "URL" _self\n```',
    "```mermaid\ngraph TD\nA-->B\nclick A call f()\n```",
    "```mermaid\n%%{init: {'themeCSS': '*{background:url(URL)}'}}%%\ngraph TD\nA-->B\n```",
    "```mermaid\n---\nconfig:\n  themeCSS: '*{background:url(URL)}'\n---\ngraph TD\nA-->B\n```",
    "```mermaid\ngraph TD\nA-->B\nstyle A background:url(URL)\n```",
    "```mermaid\ngraph TD\nA-->B\nclassDef c fill:url(URL)\nclass A c\n```",
    "```mermaid\ngraph TD\nA:::c-->B[#lt;img src=URL#gt;]\n```",
    "```mermaid\nsequenceDiagram\nparticipant A\nlink A: x @ javascript:window.ran=1\n```",
    '```mermaid\nclassDiagram\nclass A\nlink A "URL"\n```',
    "```mermaid\ngraph TD\nA[\"<iframe src='URL'>\"]\n```",
    "~~~mermaid\ngraph TD\nA[<img src=URL>]\n~~~",
    "- x\n\n  ```mermaid\n  graph TD\n  A[<img src=URL>]\n  ```",
    "> ```mermaid\n> graph TD\n> A[<img src=URL>]\n> ```",
    "```mermaid\ngraph TD\nA[<img src=URL>]",
    "```mermaid  \ngraph TD\nA[<img src=URL>]\n```",
    "```MERMAID\ngraph TD\nA[<img src=URL>]\n```",
]

BLOCKS = [
    "    <img src=x onerror=window.ran=1>",
    "\t<img src=x onerror=window.ran=1>",
    "- a\n\n      <img src=x onerror=window.ran=1>",
    "1. \n10. ```\n     <img src=x onerror=window.ran=1>",
    "- [ ] ```\n<img src=x onerror=window.ran=1>\n```",
    "> ```\n<img src=x onerror=window.ran=1>\n> ```",
    "- ```\n<img src=x onerror=window.ran=1>\n```",
    "> a\n  ```\n  <img src=x onerror=window.ran=1>",
    "* a\n> ```\n  <img src=x onerror=window.ran=1>\n> ```",
    "~~~\n~~~`\n<img src=x onerror=window.ran=1>\n~~~",
    "`` ` `` <img src=x onerror=window.ran=1> ` ``",
    "`a\n<img src=x onerror=window.ran=1>\nb`",
    "| `a | <img src=x onerror=window.ran=1>` |\n|---|---|\n| `<img src=x onerror=window.ran=1>` | b |",
    "a\n```<img src=x onerror=window.ran=1>",
    "```\n```\n<img src=x onerror=window.ran=1>\n```",
    "````\n```\n<img src=x onerror=window.ran=1>\n```\n",
    "```html\n<img src=x onerror=window.ran=1>\n```",
    "<pre>\n```\n</pre><img src=x onerror=window.ran=1>\n```",
    "* \t| a |\n   ```html\n   $$\n- <img src=x onerror=window.ran=1>",
    "a\n2) b\n   ---\n   ```html\n<img src=x onerror=window.ran=1>\n",
    "[r]: x\n2. a\n\n      <img src=x onerror=window.ran=1>",
    "text `code` \\` <img src=x onerror=window.ran=1> \\`",
]


def with_host(text, host):
    """A payload with its addresses at the listener."""
    return text.replace("URL", U).replace("HOST", HOST).replace(HOST, host)


PAYLOADS = [with_host(text, HOST) for text in HTML + LINKS + IMAGES + MATHS + DIAGRAMS + BLOCKS]

_EVIL = [text for text in PAYLOADS if "\n" not in text]
_MARKS = ["", "", "", "- ", "* ", "1. ", "2) ", "> ", ">", "  ", "   ", "    ", "      ", "\t", "- [ ] ", "# ", "| "]
_LINES = ["```", "```", "~~~", "````", "```html", "```mermaid", "", "", "---", "===", "$$", "| a | b |", "|---|---|",
          "[r]: x.md", "[r]: javascript:a", "[x", "]: http://ok.ok", "$", "`a", "\\\\[", "\\\\]", "text", "<div>", "-->"]  # fmt: skip
_SIGNS = ["`", "``", "```", "$", "$$", "\\", "*", "[", "](", "]", "!", "<", "|", "~~~", "@@0@@", "@\\@0@@", '"', "{", "}",
          "&#36;", "\\\\(", "\\\\)", "\u2028", "\r", "\0", "a", " ", "  \n", "\n", "\n\n", "http://ok.ok/", "`<b>`", "$x$"]  # fmt: skip


def payload(seed):
    """One composed payload: hostile parts in containers, among fences, tables and half-open constructs, often cut short."""
    dice = random.Random(seed)
    lines = []
    margin = ""
    for _ in range(dice.randint(1, 9)):
        if dice.random() < 0.6:
            margin = "".join(dice.choice(_MARKS) for _ in range(dice.choice([0, 1, 1, 2])))
        else:
            margin = " " * len(margin)
        chance = dice.random()
        if chance < 0.4:
            line = dice.choice(_LINES)
        elif chance < 0.8:
            line = (
                dice.choice(_SIGNS) * dice.randint(0, 1) + dice.choice(_EVIL) + dice.choice(_SIGNS) * dice.randint(0, 1)
            )
        else:
            line = "".join(dice.choice(_SIGNS) for _ in range(dice.randint(1, 6))) + dice.choice(_EVIL)
        lines.append(margin + line)
    text = "\n".join(lines)
    return text[: dice.randint(1, len(text) or 1)] if dice.random() < 0.3 else text


_LIVE = ['<img src="x" onerror="window.ran=1">', "<script>window.ran=1</script>", f"![i]({U}.png)", "[a](javascript:window.ran=1)",
         '<svg onload="window.ran=1">', "$x", "$$", "\\begin{a}", "\\\\(", "[a]: javascript:x"]  # fmt: skip
_CODE = ["", "x", "- a", "> a", "1. a", "# a", "---", "===", "| a | b |", "|---|---|", "    y", "\tz", "```x", "~~~", "``", "`",
         "* * *", "+", "<!--", "-->", "</code></pre>", "<pre>", "\\end{a}", "[a]:", "</pre>"]  # fmt: skip


def nested(seed):
    """Hostile code and text in containers within containers, a few marks and margins of them wrong."""
    dice = random.Random(seed)
    text = "\n".join(_blocks(dice, 0))
    if dice.random() < 0.2:
        text = text.replace("  ", "\t", dice.randint(1, 3))
    return text[: dice.randint(0, len(text))] if dice.random() < 0.2 else text


def _blocks(dice, depth):
    lines = []
    for _ in range(dice.randint(1, 3)):
        if lines and dice.random() < 0.6:
            lines.append("")
        lines += _block(dice, depth)
    return lines


def _block(dice, depth):
    chance = dice.random() if depth < 3 else 0.5 + dice.random() / 2
    if chance < 0.35:
        mark = dice.choice(["- ", "* ", "+ ", "1. ", "9. ", "10. ", "3) ", "- [ ] "])
        lines = []
        for _ in range(dice.randint(1, 3)):
            first, *rest = _blocks(dice, depth + 1)
            width = len(mark) + (dice.randint(-1, 2) if dice.random() < 0.2 else 0)
            lines += [mark + first, *(" " * width + line if line else "" for line in rest)]
            lines += [""] * (dice.random() < 0.4)
        return lines
    if chance < 0.5:
        return [dice.choice(["> ", "> ", "> ", ">", ""]) + line for line in _blocks(dice, depth + 1)]
    if chance < 0.8:
        mark = dice.choice(["```", "```", "````", "~~~"])
        code = [dice.choice(_LIVE if dice.random() < 0.45 else _CODE) for _ in range(dice.randint(0, 5))]
        end = [mark + dice.choice(["", "", " ", "\t"])] * (dice.random() < 0.85)
        return [mark + dice.choice(["", "html", "py x", " mermaid"]), *code, *end]
    if chance < 0.87:
        return ["| a | b |", "|---|:-:|", f"| {dice.choice(_LIVE)} | `{dice.choice(_LIVE)}` |"]
    return [dice.choice([*_LIVE, "para *x* $y$", "a\\", "# h", "***", f"    {_LIVE[0]}"])]
