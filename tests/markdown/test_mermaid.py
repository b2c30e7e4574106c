"""Which diagrams are drawn."""

import pytest

from nbchat.markdown.mermaid import is_harmless


@pytest.mark.parametrize(
    "diagram",
    [
        "graph TD\nA[Start] --> B{Ready?}\nB -->|yes| C((End))",
        "graph LR\nA[Load data<br>and image] --> B[click here]",
        "flowchart TD\nA --> B\nstyle A fill:#f9f,stroke:#333;\nclassDef big fill:#ffcc00;\nlinkStyle 0 stroke:#f00;",
        "sequenceDiagram\nA->>B: call\nB-->>A: link up",
        "classDiagram\nclass A {\n<<interface>>\n}\nA <|-- B",
        "stateDiagram-v2\n[*] --> a\na --> [*]",
        "gantt\ndateFormat YYYY-MM-DD\nsection S\nTask :a1, 2024-01-01, 30d",
        '%% a comment\npie title P\n"a" : 1',
        "graph TD\nA[first\\nsecond]",
        "graph TD\nA --> B\nstyle A fill:#f9f,stroke:#333,stroke-width:4px,stroke-dasharray: 5 5\nclassDef b fill:rgb(1, 2, 3),color:white",
        "sequenceDiagram\nparticipant A as Alice\nrect rgb(200, 220, 255)\nA->>+B: Größe?\nend\nNote over A,B: fine",
        'erDiagram\nCUSTOMER ||--o{ ORDER : "places"\nORDER {\nint id PK\n}',
        "mindmap\n  root((ideas))\n    one\n    two",
        "timeline\ntitle History\n2002 : A : B",
        'gitGraph\ncommit id: "a"\nbranch b\ncheckout b\nmerge main',
        "journey\ntitle My day\nsection Go\nMake tea: 5: Me",
        "flowchart LR;\nsubgraph one\na --> b\nend",
        "graph TD\n" + "A" * 19_991,
    ],
)
def test_an_ordinary_diagram_is_drawn(diagram):
    assert is_harmless(diagram)


@pytest.mark.parametrize(
    "diagram",
    [
        "graph TD\nA[<img src=x>]",
        "graph TD\nA[<IMG\nsrc=x>]",
        "graph TD\nA[<br onload=x>]",
        'graph TD\nA@{ img: "x" }',
        'graph TD\nA["![x](y)"]',
        "graph TD\nA-->B\nclick A f",
        "graph TD\nA-->B; click A f",
        'classDiagram\nlink A "/api/x"',
        'classDiagram\ncallback A "f"',
        "sequenceDiagram\nlinks A: {}",
        "%%{init: {}}%%\ngraph TD\nA",
        "%% {init: {}}%%\ngraph TD\nA",
        "---\nconfig: x\n---\ngraph TD\nA",
        "graph TD\nstyle A background:url(x)",
        "graph TD\nstyle A background:URL (x)",
        "graph TD\nA[#lt;img#gt;]",
        "graph TD\nA[&lt;img&gt;]",
        "graph TD\nA[\\u003cimg]",
        "graph TD\nA[$$x$$]",
        "classDiagram\nclass A {\n<<script>>\n}",
        "graph TD\nA[http://x]",
        "graph TD\nA[javascript:x]",
        'graph TD\nstyle A background-image:image-set("/api/x" 1x)',
        'graph TD\nstyle A fill:image-set("a" 1x)',
        "graph TD\nstyle A fill:red,behavior:x",
        "graph TD\nclassDef c fill:var(--x)",
        'gantt\ntodayMarker background:image-set("/api/x" 1x)',
        'sequenceDiagram\nproperties A: {"icon": "/api/x"}',
        'sequenceDiagram\nproperties  A: {"class": "x", "icon": "!x"}',
        "sequenceDiagram\nrect image-set('x' 1x)",
        "sequenceDiagram\nparticipant A@{ 'type': 'x' }",
        "graph TD\nA[`markdown`]",
        "mindmap\nroot\n::icon(fa fa-book)",
        "C4Context\nPerson(a, b)",
        "architecture-beta\ngroup api(cloud)[API]",
        "quadrantChart\nA: [0.1, 0.2] color: #ff0000",
        "block-beta\na",
        "",
        "hello",
        "graph TD; A-->B; CLICK A href",
        "graph TD\n" + "A" * 19_992,
    ],
)
def test_one_that_could_fetch_or_lead_somewhere_is_not(diagram):
    assert not is_harmless(diagram)
