// What the server tells the page. Written by `make types` from studio/ui/schemas/.

/** What is told of an error: its code, what happened and what helps, and of which field and which part of it. */
interface Fault {
    code: string;
    message: string;
    hint: string;
    field: string | null;
    part: number | null;
}

/** A program's key to an account; when it was last used, 0 for never. */
interface AdminToken {
    id: string;
    label: string;
    used: number;
}

/** An account, and what its pictures take on the disk, in megabytes. */
interface AdminAccount {
    name: string;
    role: string;
    tokens: Array<AdminToken>;
    pictures: number;
    megabytes: number;
}

/** An invitation that can still be taken up, until this time in seconds since 1970. */
interface AdminInvitation {
    id: string;
    role: string;
    expires: number;
}

/** A limit that is set where the studio is started: what it is, the variable that sets it, and what it is now. */
interface AdminLimit {
    words: string;
    variable: string;
    value: string;
}

/** A job that waits or runs: whose it is, and nothing of what it shows. */
interface AdminJob {
    whose: string;
    kind: string;
    state: string;
    pictures: number;
}

/** All of it; `link` is the way that an invitation just made begins with, told this once. */
interface AdminFacts {
    you: string;
    roles: Array<string>;
    accounts: Array<AdminAccount>;
    others: AdminAccount | null;
    invitations: Array<AdminInvitation>;
    limits: Array<AdminLimit>;
    line: Array<AdminJob>;
    link?: string;
}

/** Two pictures of one prompt, as data addresses; how many votes there are, and how many pairs are left. */
interface ArenaPair {
    pair: string;
    prompt: string;
    left: string;
    right: string;
    count: number;
    left_over: number;
}

/** There is nothing to judge. */
interface NoPair {
    pair: null;
    count: number;
}

/** A vote that was cast, and whose pictures they were. */
interface ArenaVote {
    left: string;
    right: string;
    choice: string;
}

/** What the votes say of a model: its rating between the ends of a 95 % interval, and how it came to it. */
interface Standing {
    name: string;
    rating: number;
    low: number;
    high: number;
    wins: number;
    losses: number;
    ties: number;
}

/** Ratings with their intervals, and for each two models how often the one won, of how many. */
interface ArenaTable {
    tags: Array<string>;
    count: number;
    standings: Array<Standing>;
    matrix: Record<string, Record<string, Array<number>>>;
}

/** A file to be saved by the browser, in base64. */
interface EncodedFile {
    name: string;
    data: string;
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

/** What somebody thinks of a candidate. */
interface CandidateMark {
    verdict: "keep" | "reject" | null;
    star: boolean;
    rating: number | null;
}

/** What is known and said of a candidate. */
interface Judged {
    number: number;
    scores: Record<string, number>;
    measured: boolean;
    score: number | null;
    rank: number | null;
    kept: boolean;
    reason: string;
    mark: CandidateMark;
}

/** What a picture is asked for by: one of a job, or one of the library. */
interface Which {
    job?: string;
    image?: number;
    stored?: string;
}

/** A candidate with its picture. */
interface Candidate {
    before?: string;
    fit?: string;
    grown?: Array<number>;
    view: string;
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
    id: string;
    key: string;
    which: Which;
    number: number;
    scores: Record<string, number>;
    measured: boolean;
    score: number | null;
    rank: number | null;
    kept: boolean;
    reason: string;
    mark: CandidateMark;
    gone: false;
}

/** A candidate whose file is gone. */
interface LostCandidate {
    number: number;
    scores: Record<string, number>;
    measured: boolean;
    score: number | null;
    rank: number | null;
    kept: boolean;
    reason: string;
    mark: CandidateMark;
    key: string;
    gone: true;
    prompt: string;
}

/** A candidate that fell behind while it was made: why, and what it was heading for. */
interface DroppedCandidate {
    key: string;
    number: number;
    dropped: true;
    width: number;
    height: number;
    prompt: string;
    shown: string | null;
    reason: string;
}

/** A candidate in the making. */
interface ComingCandidate {
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
    number: number;
}

/** Which candidates are kept: by limits, by weights, so many, or without a share. */
interface CandidateFilter {
    limits: Record<string, number | null>;
    weights: Record<string, number>;
    keep: number | null;
    reject_share: number | null;
    race: boolean;
}

/** A set in the list of them. */
interface CandidateSetLine {
    id: string;
    title: string;
    created: number;
    made: number;
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

/** A set that is still to be asked for, and why it could not be: `base` is the recipe of a picture, else empty. */
interface CandidatesDraft {
    base: string;
    prompt: string;
    count: number;
    fault: FieldFault | null;
}

/** No set is there, or none of this name; `seconds` is how long a picture takes here, by model. */
interface NoCandidates {
    serial: number;
    set: null;
    sets: Array<CandidateSetLine>;
    fault: string;
    draft: CandidatesDraft | null;
    most: number;
    seconds: Record<string, number>;
    races: boolean;
    cells: Array<Candidate | LostCandidate>;
}

/** What of a set is still to come, how far that is, and a fault where it came to an end. */
interface CandidatesMaking {
    line: string;
    fraction: number | null;
    ended: FieldFault | null;
    busy: boolean;
    making: boolean;
    coming: Array<ComingCandidate>;
}

/** The whole of a set as it stands. */
interface CandidatesView {
    line: string;
    fraction: number | null;
    ended: FieldFault | null;
    busy: boolean;
    making: boolean;
    coming: Array<ComingCandidate>;
    serial: number;
    set: string;
    sets: Array<CandidateSetLine>;
    title: string;
    count: number;
    more: boolean;
    prompt: string;
    most: number;
    each_usd: number;
    rules: CandidateFilter;
    missing: Record<string, string>;
    cells: Array<Candidate | LostCandidate>;
    dropped: Array<DroppedCandidate>;
    races: boolean;
    begun: boolean;
}

/** How the metrics go with all picks so far: for each the correlation and the ends of its interval. */
interface Agreement {
    count: number;
    few: number;
    metrics: Record<string, Array<number>>;
}

/** A model of this machine, and whether its weights are here. */
interface LocalOffer {
    name: string;
    label: string;
    here: boolean;
    tasks: Array<string>;
}

/** A hosted model: its settings, what it takes, the date of its prices and when its service ends it. */
interface HostedOffer {
    name: string;
    label: string;
    host: string;
    settings: Record<string, Array<string>>;
    abilities: Array<string>;
    shutdown: string;
    successor: string;
    priced: string;
}

/** A comparison in the list of them. */
interface ComparisonLine {
    id: string;
    title: string;
    lines: number;
    columns: Array<string>;
    created: number;
    left: number;
    running: boolean;
}

/** What can be compared, how hosts are called, what may be spent, and what was compared before. */
interface CompareFacts {
    local: Array<LocalOffer>;
    hosted: Array<HostedOffer>;
    hosts: Record<string, string>;
    addresses: boolean;
    usual: string;
    held: Array<ComparisonLine>;
    budget: number | null;
    most: number | null;
    refuses: boolean;
}

/** What is still to be made would cost, all and each new column a picture, and where each host's key is from. */
interface CompareEstimate {
    usd: number;
    unknown: number;
    pictures: number;
    each: Array<number>;
    meant: Array<string>;
    keys: Record<string, string>;
    left: number | null;
}

/** A prompt of a comparison. */
interface ComparedPrompt {
    prompt: string;
    tags: Array<string>;
}

/** A column of a comparison, and how the arena calls it. */
interface ComparedColumn {
    kind: string;
    model: string;
    label: string;
    settings: Record<string, any>;
    contestant: string;
}

/** Where the picture of a cell is, and what can be done with it. */
interface CellPicture {
    shown?: string;
    file?: string;
    name?: string;
    which?: Which;
    task?: string;
}

/** What became of a prompt in a column. */
interface ComparisonCell {
    shown?: string;
    file?: string;
    name?: string;
    which?: Which;
    task?: string;
    line: number;
    column: number;
    state: string;
    said: Array<string>;
    measured: Array<[string, number]>;
    revised: string;
    kind: string;
    fault: string;
    look: string;
    width: number | null;
    height: number | null;
}

/** All of a comparison: its prompts, its columns, what became of each cell, and what that cost. */
interface ComparisonTable {
    id: string;
    running: boolean;
    base: Record<string, any>;
    lines: Array<ComparedPrompt>;
    columns: Array<ComparedColumn>;
    cells: Array<ComparisonCell>;
    total: number;
    unknown: number;
}

/** A comparison as it stands, how it is known again, and what may still be spent today. */
interface ComparisonView {
    id: string;
    running: boolean;
    base: Record<string, any>;
    lines: Array<ComparedPrompt>;
    columns: Array<ComparedColumn>;
    cells: Array<ComparisonCell>;
    total: number;
    unknown: number;
    seen: any;
    coming: boolean;
    left: number | null;
}

/** Nothing is new. */
interface SameComparison {
    same: true;
}

/** The model that a form says, with its plain settings. */
interface DraftModel {
    name: string | null;
    settings: Record<string, any>;
}

/** What a form says, to be compared. */
interface CompareDraft {
    prompts: Array<string>;
    seed: number | null;
    model: DraftModel;
    base: Record<string, any>;
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
    words: Array<string>;
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

/** How a field is shown; `minimum`, `maximum`, `step` are what a slider offers. */
interface FieldFacts {
    label: string;
    help: string;
    minimum: number | null;
    maximum: number | null;
    step: number | null;
}

/** What there is to know of controls whatever the model. */
interface Controls {
    fields: Record<string, FieldFacts>;
    kinds: Record<string, Kind>;
}

/** A person: x, y and confidence of each joint in turn. */
interface PosedPerson {
    pose_keypoints_2d: Array<number>;
}

/** People on a canvas, in OpenPose's format. */
interface Pose {
    people: Array<PosedPerson>;
    canvas_width: number;
    canvas_height: number;
}

/** A pose of the library. */
interface ReadyPose {
    id: string;
    name: string;
    pose: Pose;
}

/** A skeleton: its joints, the two ends and the colour of each limb; and the ready-made poses. */
interface PoseFacts {
    joints: Array<string>;
    limbs: Array<Array<number>>;
    colours: Array<Array<number>>;
    poses: Array<ReadyPose>;
}

/** A model or LoRA that can be on a Space. */
interface Deployable {
    id: string;
    name: string;
    size: string;
}

/** What can be chosen, whether this machine has a login, and whether a deployment is on its way. */
interface DeployFacts {
    hardware: Record<string, string>;
    models: Array<Deployable>;
    loras: Array<Deployable>;
    settings: Array<string>;
    login: boolean;
    begun: boolean;
}

/** Whose token it is: the account and its organizations. */
interface DeployAccount {
    names: Array<string>;
    pro: boolean;
}

/** A file of a Space: new, changed, removed or as it is there. */
interface DeployFile {
    path: string;
    size: string;
    how: string;
}

/** What would be sent, beside what is there. */
interface DeployPlan {
    files: Array<DeployFile>;
    size: string;
    sent: string;
    there: boolean;
    compared: boolean;
}

/** A step with its words and share, or a line of the build's log. */
interface DeployEvent {
    step?: string;
    words?: string;
    share?: number | null;
    line?: string;
}

/** How it ended: at an address, stopped, or with what went wrong. */
interface DeployEnd {
    url?: string;
    stopped?: boolean;
    message?: string;
    hint?: string;
}

/** What happened from a position on. */
interface DeployNews {
    events: Array<DeployEvent>;
    end: DeployEnd | null;
    space?: string;
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
    cost_usd: number;
}

/** A cell that has no picture: what is wrong with it, or a look at it in the making. */
interface GridCell {
    at: Array<number>;
    labels: Array<string>;
    error?: string;
    look?: string;
}

/** A cell with its picture. */
interface GridPicture {
    before?: string;
    fit?: string;
    grown?: Array<number>;
    view: string;
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
    id: string;
    key: string;
    which: Which;
    at: Array<number>;
    labels: Array<string>;
}

/** A grid with those of its cells that changed, or with all as it is first seen. */
interface GridView {
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
    cost_usd: number;
    whole: boolean;
    line: string;
    cells: Array<GridCell | GridPicture>;
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

/** A value that can be chosen. */
interface Choice {
    label: string;
    value: string;
}

/** What can vary of a recipe. */
interface GridOffer {
    field: string;
    title: string;
    group: string;
    hint: string;
    numeric: boolean;
    choices: Array<Choice>;
}

/** What a grid can be made of; several pictures to start from become an axis. */
interface GridSetup {
    base: string;
    prompt: string;
    said: string;
    offers: Array<GridOffer>;
    pictures: Array<string>;
}

/** Cells that cannot be made, and why. */
interface GridFault {
    where: string;
    words: string;
}

/** What would be made, before anything is. */
interface GridPlan {
    cells: number;
    possible: number;
    steps: number;
    price: string;
    faults: Array<GridFault>;
}

/** What is wrong with a plan, and the axis that it is of. */
interface GridRefusal {
    fault: string;
    axis: number | null;
}

/** A grid that was written to a file. */
interface GridFile {
    address: string;
    name: string;
    note: string;
}

/** A value of the widget: one or several things that are new. */
interface GridNews {
    serial?: number;
    setup?: GridSetup;
    grids?: Array<GridLine>;
    grid?: GridView;
    file?: GridFile;
    fault?: string;
    axes?: Array<AxisText>;
    begun?: string;
}

/** How far a job is. */
interface Progress {
    line: string;
    step: Array<number> | null;
    seconds_left: number | null;
    fetching: string;
    fraction: number;
}

/** A stored picture, and what it is asked for by; `id` is the library's, as far as that is known here. */
interface Picture {
    before?: string;
    fit?: string;
    grown?: Array<number>;
    view: string;
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
    id: string;
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

/** All that the gallery shows. */
interface View {
    serial: number;
    job: JobView | null;
    behind: number;
    earlier: Array<Picture>;
    fault: FieldFault | null;
    said?: string;
}

/** A picture of a job that is not made, or whose next step cannot be done. */
interface QueueItem {
    number: number;
    state: string;
    fault: string;
}

/** A job in the queue; what may be left out is told to its owner alone. */
interface QueueJob {
    id: string;
    mine: boolean;
    kind: string;
    images: number;
    done: number;
    state: string;
    paused: boolean;
    priority: string;
    title?: string;
    line?: string;
    share?: number;
    fault?: string;
    items?: Array<QueueItem>;
}

/** All that runs or waits, what of one's own ended last, and why nothing runs at all. */
interface Queue {
    jobs: Array<QueueJob>;
    ended: Array<QueueJob>;
    halted: string;
}

/** A picture of the library; `created` is in seconds since 1970, `boards` are ids, `tint` is its mean colour. */
interface LibraryPicture {
    before?: string;
    fit?: string;
    grown?: Array<number>;
    view: string;
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
    id: string;
    key: string;
    which: Which;
    star: boolean;
    rating: number | null;
    created: number;
    kind: string;
    tool: string;
    tags: Array<string>;
    boards: Array<string>;
    note: string;
    binned: boolean;
    tint: string;
}

/** Some of the pictures that a search finds, and how many it finds. */
interface LibraryPage {
    total: number;
    pictures: Array<LibraryPicture>;
}

/** The mean colours of pictures between two places of a search, three bytes each, in base64. */
interface LibraryTints {
    rgb: string;
}

/** The ids of the pictures that a search finds between two places. */
interface LibraryIds {
    ids: Array<string>;
}

/** A name that pictures have, how many of them, and the words that find these. */
interface LibraryFacet {
    name: string;
    count: number;
    term: string;
}

/** All names of one sort. */
interface LibraryFacets {
    title: string;
    values: Array<LibraryFacet>;
}

/** A board, with its newest picture in small. */
interface LibraryBoard {
    id: string;
    name: string;
    count: number;
    cover: string;
    term: string;
}

/** What can be searched by, and how that is written. */
interface LibraryFilter {
    help: string;
    example: string;
}

/** What there is beside the pictures, and what they take of the disk. */
interface LibraryFacts {
    changes: number;
    about: boolean;
    sees: boolean;
    most: number;
    all: number;
    starred: number;
    binned: number;
    boards: Array<LibraryBoard>;
    facets: Array<LibraryFacets>;
    tags: Array<string>;
    filters: Array<LibraryFilter>;
    used: string;
    free: string;
    cleared: string;
}

/** How often anything was changed so far. */
interface LibraryNews {
    changes: number;
}

/** A search in words. */
interface LibraryQuery {
    query: string;
}

/** What a picture came from, or what was made from it, in small where it can be shown; `depth` is how far away. */
interface LibraryRelative {
    role: string;
    depth: number;
    shown: string;
    picture: LibraryPicture | null;
}

/** The relatives of a picture, each before its own. */
interface LibraryTree {
    sources: Array<LibraryRelative>;
    results: Array<LibraryRelative>;
}

/** A file that can be fetched. */
interface LibraryFile {
    address: string;
    name: string;
}

/** What became of files that were brought, and the ids of what is in the library of them. */
interface LibraryImported {
    added: number;
    known: number;
    ids: Array<string>;
    faults: Array<string>;
}

/** The id of a board that was made. */
interface LibraryMade {
    id: string;
}

/** How many pictures a job makes, and how many steps the way has that they go. */
interface LibraryWork {
    count: number;
    steps: number;
}

/** The settings of a LoRA, and the most that a weight can be. */
interface LoraFields {
    fields: Record<string, FieldFacts>;
    most: number;
}

/** How much of a LoRA: of all, of the text encoders where that differs, and of each block. */
interface LoraWeights {
    weight: number;
    text_weight: number | null;
    blocks: Array<number>;
}

/** What is told of a LoRA in the stack, and what keeps it from being put on. */
interface LoraFacts {
    fault: string;
    words: Array<string>;
    picture: string;
}

/** How a LoRA comes with the words, and its weight then. */
interface LoraWay {
    way: string;
    weight: string;
}

/** A LoRA that comes with a style, or that may be drawn from the prompt. */
interface LoraGhost {
    way: string;
    weight: string;
    name: string;
}

/** What there is to say of the stack with this model and prompt; nothing is mentioned while that cannot be read. */
interface LoraLook {
    said: Record<string, LoraWeights> | null;
    cards: Record<string, LoraFacts>;
    notes: Record<string, string>;
    ghosts: Array<LoraGhost>;
    blocks: Array<string>;
}

/** What a file of the library tells of itself, for a model. */
interface LoraEntry {
    name: string;
    family: string;
    fits: boolean;
    fault: string;
    rank: number | null;
    size: string;
    bytes: number;
    added: number;
    words: Array<string>;
    notes: string;
}

/** A file of the library, with what whoever asks says of it, and in how many of their pictures it is. */
interface LibraryLora {
    name: string;
    family: string;
    fits: boolean;
    fault: string;
    rank: number | null;
    size: string;
    bytes: number;
    added: number;
    words: Array<string>;
    notes: string;
    liked: boolean;
    noted: string;
    used: number;
    term: string;
}

/** The library; whether files of this disk may be named, whether notes may be written, and which site may be asked */
interface LoraLibrary {
    loras: Array<LibraryLora>;
    faults: Array<string>;
    disk: boolean;
    keeps: boolean;
    site: string;
}

/** What is seldom asked about a file; `asks` is where it can be looked up by its hash, empty for nowhere. */
interface LoraDetails {
    title: string;
    base: string;
    licence: string;
    page: string;
    asks: string;
    notes: string;
    format: string;
    alpha: number | null;
    tensors: number;
    sha256: string;
    path: string;
}

/** A file that a site would give, or the hub where none is named. */
interface OfferedFile {
    title: string;
    file: string;
    base: string;
    licence: string;
    size: string;
    sha256: string;
    site: string;
    key: string;
}

/** A file that came, with words where it is no LoRA; or that was stopped on its way, or wants a yes first. */
interface AddedLora {
    name?: string;
    said?: string;
    stopped?: boolean;
    offer?: OfferedFile;
}

/** A LoRA of a saved stack. */
interface StackedWeights {
    weight: number;
    text_weight: number | null;
    blocks: Array<number>;
    name: string;
    start: number;
    end: number;
}

/** A saved stack, and whether it is one's own. */
interface LoraStack {
    id: string;
    name: string;
    purpose: string;
    loras: Array<StackedWeights>;
    own: boolean;
}

/** The saved stacks that suit a model. */
interface LoraStacks {
    stacks: Array<LoraStack>;
}

/** What is said of something on its way; empty while there is nothing to say. */
interface Said {
    said: string;
}

/** The ids of each picture's mask and sketch, and what is to be said. */
interface MaskNews {
    of: Record<string, string>;
    sketches: Record<string, string>;
    serial: number;
    mask: string;
    sketch: string;
    notes: Array<string>;
    faults: Array<string>;
}

/** A picture that was painted on: its id, and a small copy. */
interface Round {
    id: string;
    shown: string;
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
    pose?: Pose | null;
}

/** Pictures that were painted on, oldest first, and which is the present one. */
interface RoundsView {
    ids: Array<string>;
    at: number;
    rounds: Array<Round>;
    shown: StoredPicture | null;
    holes: boolean;
}

/** Something that is loaded; bytes on the device, and beside it in the computer's memory. */
interface HeldThing {
    kind: string;
    name: string;
    device_bytes: number;
    ram_bytes: number;
    in_use: boolean;
    how: string;
}

/** What the device has and, where that has memory of its own, the computer; and whether who asks may free it. */
interface Memory {
    device: string;
    device_bytes: number;
    device_free: number;
    ram_bytes: number | null;
    ram_free: number | null;
    held: Array<HeldThing>;
    may_free: boolean;
}

/** The same; nothing where the studio does not know. */
interface MemoryLook {
    memory: Memory | null;
}

/** How many bytes of weights were given back. */
interface Freed {
    freed: number;
}

/** A model to choose: what it is, what it needs, how quick it is here. */
interface PickerModel {
    id: string;
    name: string;
    family: string;
    summary: string;
    licence: string;
    state: "here" | "away" | "coming" | "hosted";
    key: string;
    size: string;
    bytes: number;
    needs: string;
    fit: "" | "fits" | "tight" | "large";
    speed: string;
    liked: boolean;
    cannot: string;
    fault: string;
}

/** All that can be chosen; what memory and disk have free, in words, and whether whoever asks may download. */
interface PickerModels {
    models: Array<PickerModel>;
    memory: string;
    disk: string;
    fetches: boolean;
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

/** A kind of weights and what it is called. */
interface Title {
    id: string;
    title: string;
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

/** What may be tried with a model: `picture` is what comes of it and `source` what it starts from, where known. */
interface ModelExample {
    use: string;
    prompt: string;
    picture: string;
    source: string;
    strength: number | null;
    control: string;
}

/** A picture of each word: squares of one image, so many in a row. */
interface WordPictures {
    address: string;
    columns: number;
    words: Array<string>;
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
    examples: Array<ModelExample>;
    knows: Record<string, Array<string>>;
    pictures: WordPictures | null;
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

/** Keys of the fields that a tab hides, and why; `verb` is what Generate says there. */
interface TabFacts {
    hidden: Array<string>;
    cannot: string;
    why_not: string;
    price: string;
    verb: string;
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

/** What a picture was made from, how that was brought to its size, and by how much it grew at each side. */
interface Start {
    before?: string;
    fit?: string;
    grown?: Array<number>;
}

/** What is said of a stored picture, wherever it stands; `view` is seen in full of a file that no browser shows. */
interface PictureFacts {
    before?: string;
    fit?: string;
    grown?: Array<number>;
    view: string;
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
}

/** A setting, or another fact, in words; `name` tells the same one of two pictures. */
interface SettingLine {
    name: string;
    label: string;
    value: string;
}

/** What belongs together of a picture's settings. */
interface SettingGroup {
    title: string;
    lines: Array<SettingLine>;
}

/** Every setting of a picture, how it was made, and the same to copy: in A1111's words and as JSON. */
interface PictureDetails {
    star: boolean;
    groups: Array<SettingGroup>;
    infotext: string;
    recipe: string;
}

/** A preset that was saved: what it says, which parts of a recipe, and whether who asks may delete it. */
interface PresetRow {
    id: string;
    name: string;
    parts: Array<string>;
    words: string;
    own: boolean;
}

/** A preset of an admin's own that can be given to everybody. */
interface PresetShare {
    folder: string;
    id: string;
    name: string;
}

/** The presets of one's own, what is wrong with files, and what became of the last act. */
interface PresetNews {
    serial?: number;
    recipes?: Array<PresetRow>;
    negative?: Array<PresetRow>;
    shares?: Array<PresetShare>;
    faults?: Array<string>;
    act?: string;
    done?: boolean;
    said?: string;
    fault?: string;
    replace?: string;
}

/** A style with its small picture. */
interface StyleCard {
    id: string;
    name: string;
    words: string;
    picture: string;
    own: boolean;
}

/** Some of the styles that were looked for, of how many, and what is wrong with files of them. */
interface StylePage {
    styles: Array<StyleCard>;
    total: number;
    faults: Array<string>;
}

/** What became of settings from elsewhere: whose they were, what was left out or changed, what their origin is. */
interface ImportNews {
    serial: number;
    name: string;
    left?: Array<string>;
    origin?: Array<string>;
    fault?: string;
}

/** A stretch of a prompt as it is understood. */
interface Stretch {
    text: string;
    weight: number;
    kind: string;
}

/** The words at fault in a prompt and those around them, where they have a place. */
interface Placed {
    before?: string;
    at?: string;
    after?: string;
    position?: number;
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

/** What is told below a prompt. */
interface PromptView {
    fault?: PromptFault | null;
    seen?: Array<Stretch>;
    tokens?: string;
    unknown?: Array<string>;
    ignored?: string;
}

/** The job that was begun, or why a picture cannot be made again. */
interface WorkBegun {
    work: string;
    because: Array<string>;
}

/** How like a picture and the one made again are, with their addresses and that of the difference. */
interface Replayed {
    verdict: string;
    words: string;
    because: Array<string>;
    again: string;
    difference: string;
}

/** The addresses of a picture's steps, as an animation and as a strip. */
interface Filmed {
    film: string;
    strip: string;
    frames: number;
}

/** How far it is, in words and as a share; or what came of it. */
interface WorkNews {
    line: string;
    fraction: number;
    replayed?: Replayed;
    filmed?: Filmed;
}

/** A file to save: its name, and its bytes in base64. */
interface SavedPicture {
    name: string;
    data: string;
}
