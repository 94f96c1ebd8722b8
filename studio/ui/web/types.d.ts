// What the server tells the page. Written by `make types` from studio/ui/schemas.py.

/** What is told of an error: its code, what happened and what helps, and of which field and which part of it. */
interface Fault {
    code: string;
    message: string;
    hint: string;
    field: string | null;
    part: number | null;
}

/** What is told of an error, with the label of its field for where that is not to be seen. */
interface FieldFault {
    code: string;
    message: string;
    hint: string;
    field: string | null;
    part: number | null;
    label: string;
}

/** What a picture is asked for by: one of a job, or one of the library. */
interface Which {
    job?: string;
    image?: number;
    stored?: string;
}

/** A stored picture, and what it is asked for by. */
interface Picture {
    before?: string;
    fit?: string;
    grown?: Array<number>;
    done: true;
    width: number;
    height: number;
    prompt: string;
    negative: string;
    shown: string;
    file: string;
    name: string;
    task: string;
    seed: number | null;
    seconds: number;
    model: string;
    how: string;
    loras: string;
    check: Array<string>;
    key: string;
    which: Which;
}

/** A picture in the making. */
interface Expected {
    before?: string;
    fit?: string;
    grown?: Array<number>;
    key: string;
    job: string;
    image: number;
    done: false;
    width: number;
    height: number;
    prompt: string;
    shown: string | null;
}

/** A job and its pictures. */
interface JobView {
    line: string;
    step: Array<number> | null;
    seconds_left: number | null;
    fetching: string;
    fraction: number;
    id: string;
    state: string;
    prompt: string;
    note: string;
    fault: FieldFault | null;
    cells: Array<Picture | Expected>;
}

/** All that the stage shows. */
interface View {
    serial: number;
    job: JobView | null;
    behind: number;
    earlier: Array<Picture>;
    fault: FieldFault | null;
}

/** What the page says of a model. */
interface ModelFacts {
    id: string;
    name: string;
    family: string;
    summary: string;
    licence: string;
    place: string;
    fault: string;
    examples: Array<string>;
    knows: Record<string, Array<string>>;
}

/** Weights that fit a kind of control. */
interface Fitting {
    id: string;
    name: string;
    place: string;
}

/** What of controls a model can follow, in which tab it cannot, and whether it weighs them. */
interface ControlFacts {
    fitting: Record<string, Array<Fitting>>;
    lacking: string;
    modes: boolean;
    cannot: Record<string, string>;
}

/** Keys of the fields that a tab hides, and why. */
interface TabFacts {
    hidden: Array<string>;
    cannot: string;
    why_not: string;
    price: string;
}

/** What the form hangs on: what it was told of, standards of its fields, the model, and each tab. */
interface PageFacts {
    of: Record<string, any>;
    standards: Record<string, any>;
    model: ModelFacts;
    sizes: Record<string, Array<number>>;
    controls: ControlFacts;
    tabs: Record<string, TabFacts>;
}

/** A picture that a recipe starts from, or a map, with the pose that it was drawn of. */
interface StoredPicture {
    id: string;
    width: number;
    height: number;
    name: string;
    notes: Array<string>;
    file: string;
    shown: string;
    pose?: any;
}

/** How a field is shown and treated; `minimum`, `maximum`, `step` are what a slider offers. */
interface Setting {
    label: string;
    help: string;
    group: "prompt" | "model" | "size" | "sampling" | "seed" | "edit" | "mask" | "hires" | "upscale" | "control" | "lora";
    change_cost: number;
    minimum: number | null;
    maximum: number | null;
    step: number | null;
    ability: "negative_prompt" | "guidance" | "image_guidance" | "strength" | "clip_skip" | null;
}

/** A control's own setting: a whole number, a number or one of `choices`, as its default is. */
interface Option {
    name: string;
    label: string;
    help: string;
    default: number | string;
    minimum: number;
    maximum: number;
    step: number;
    choices: Array<string>;
}

/** A kind of control: its options, and how its map comes about. */
interface Kind {
    label: string;
    help: string;
    options: Array<Option>;
    slow: boolean;
    maps: boolean;
    ready: boolean;
    drawn: boolean;
    posed: boolean;
}

/** What there is to know of controls whatever the model. */
interface Controls {
    fields: Record<string, Setting>;
    kinds: Record<string, Kind>;
}

/** What is wrong with a prompt. */
interface PromptFault {
    before?: string;
    at?: string;
    after?: string;
    position?: number;
    message: string;
    hint: string;
}

/** A stretch of a prompt as it is understood. */
interface Stretch {
    text: string;
    weight: number;
    kind: string;
}

/** What is told below a prompt. */
interface PromptView {
    fault?: PromptFault | null;
    seen?: Array<Stretch>;
    tokens?: string;
    unknown?: Array<string>;
    ignored?: string;
}

/** What measures a candidate, and between which ends. */
interface Metric {
    name: string;
    label: string;
    help: string;
    cost: string;
    better: string;
    fault: string;
    minimum: number;
    maximum: number;
    step: number;
    usual: number;
}

/** A kind of weights and what it is called. */
interface Title {
    id: string;
    title: string;
}

/** Weights on their way. */
interface Download {
    key: string;
    name: string;
    state: string;
    over: boolean;
    line: string;
    share: number | null;
    fault: string;
}

/** A row of the Models tab. */
interface Weights {
    key: string;
    kind: string;
    id: string;
    name: string;
    summary: string;
    family: string;
    licence: string;
    page: string;
    state: "here" | "away";
    bytes: number;
    size: string;
    unfinished: string;
    used: number | null;
    place: string;
    own: boolean;
    ours: boolean;
    fault: string;
    coming: Download | null;
}

/** All that has weights, and what whoever asks may do with them. */
interface AllWeights {
    kinds: Array<Title>;
    items: Array<Weights>;
    faults: Array<string>;
    here: string;
    free: string;
    off: boolean;
    fetches: boolean;
    removes: boolean;
}

/** What varies along one axis, and how its values are called. */
interface GridAxis {
    field: string;
    title: string;
    labels: Array<string>;
}

/** An axis as it is asked for. */
interface AxisText {
    field: string;
    text: string;
}

/** What is said of a grid besides its cells. */
interface GridHead {
    id: string;
    state: string;
    fault: string;
    base: string;
    axes: Array<GridAxis>;
    texts: Array<AxisText>;
    made: number;
    failed: number;
    again: boolean;
    count: number;
}

/** A grid in the list of them. */
interface GridLine {
    id: string;
    when: string;
    words: string;
    prompt: string;
    made: number;
    count: number;
}
