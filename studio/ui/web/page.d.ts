// What Gradio and the modules give each other; what the server tells is in types.d.ts.

/** What has no schema of its own. */
type Told = Record<string, any>;
type Handler = (event: any) => unknown;
type Attributes = Record<string, string | number | boolean | null | undefined | Handler>;
type Entry = HTMLInputElement | HTMLTextAreaElement;
/** What the server answers, or in words what is wrong, and with which axis of a grid; that it did not answer is told alike. */
type Answer<T> = (T & { fault?: undefined }) | { fault: string; axis?: number | null };
/** What may be asked of the server, each by what it answers. */
type Server<Acts> = { [Name in keyof Acts]: (asked?: object) => Promise<Answer<Acts[Name]>> };
/** What can stand in a template. */
type Part = import("./vendor/lit.js").Part;
type Tell = Record<string, (data?: object) => void>;
/** What Gradio uploads, and what it makes of it. */
type Upload = (file: File) => Promise<{ path: string; url: string }>;
type Timer = ReturnType<typeof setTimeout> | undefined;
/** What the form says, by the keys of its fields. */
type Values = Record<string, any>;

/** What an element of the page is mounted with: its value, what it may trigger, and what it may ask. */
interface Island<Value = Told, Data = Told, Acts = Record<string, any>> {
    element: HTMLElement;
    props: { value: Value | null };
    watch: (name: "value", listener: () => unknown) => void;
    upload: Upload;
    tell: Tell;
    server: Server<Acts>;
    data: Data;
}

interface FullView {
    open: (key: string) => void;
    /** Another picture, that need not be among those that one goes through. */
    visit: (picture: Picture) => void;
    shut: () => void;
    draw: () => void;
}

/** What may be asked of a picture, by what it is asked for by. */
interface PictureActs {
    details: PictureDetails;
    search: LibraryPage;
    star: {};
    bin: {};
    restore: {};
}

/** What may be asked of the library. */
interface LibraryServer {
    search: LibraryPage;
    ids: LibraryIds;
    tints: LibraryTints;
    facts: LibraryFacts;
    news: LibraryNews;
    tree: LibraryTree;
    like: LibraryQuery;
    alike: LibraryQuery;
    star: {};
    rate: {};
    tag: {};
    note: {};
    put: {};
    off: {};
    move: {};
    bin: {};
    restore: {};
    purge: {};
    add_board: LibraryMade;
    rename_board: {};
    remove_board: {};
    zip: LibraryFile;
    bring: LibraryImported;
    repeat: LibraryWork;
}

/** What a picture was asked of the gallery for: what is done with it, and the tabs that it can be sent to. */
interface Deeds {
    tell: Tell;
    takers: Record<string, string>;
}

interface Panels {
    picker: { consent: (fault: Fault) => boolean } | null;
    controls: { blame: (fault: Fault) => boolean; forgive: () => void; turned: () => void; sourced: () => void; receive: (picture: StoredPicture) => void; give: (kind: string, file: File) => void } | null;
    loras: {
        blame: (fault: Fault) => boolean; forgive: () => void; worded: () => void; also: (place: HTMLElement, changed: () => void) => void;
        stack: ReturnType<typeof import("./lora_stack.js").loraStack>;
    } | null;
    mask: { settled: () => Promise<void>; turn: (picture: StoredPicture | null, transparent: boolean) => void; show: (picture: string | null) => void } | null;
    rounds: { draw: () => void; made: (job: JobView | null) => void; adopt: () => boolean; leave: () => boolean } | null;
    /** What takes files in each tab that starts from pictures. */
    sources: Record<string, (files: File[]) => unknown>;
    gallery: (Deeds & { results: () => Picture[]; turned: () => unknown; leave: () => boolean; open: (key: string) => unknown; job: () => JobView | null; server: Server<PictureActs> }) | null;
    work: ((what: string, picture: { which?: Which | null; file?: string; prompt?: string }) => unknown) | null;
    status: { ask: () => void } | null;
    mapPreview: { show: (shown: Shown | null) => void } | null;
}

/** A picture and the map that is made of it, as they are shown in large. */
interface Shown {
    picture?: StoredPicture;
    map?: StoredPicture;
    fit: string;
    name: string;
}

interface Window {
    studio: (name: string, island?: Island<any, any>) => Promise<any>;
}
