// What Gradio and the modules give each other; what the server tells is in types.d.ts.

/** What has no schema of its own. */
type Told = Record<string, any>;
type Handler = (event: any) => unknown;
type Attributes = Record<string, string | number | boolean | null | undefined | Handler>;
type Entry = HTMLInputElement | HTMLTextAreaElement;
type Ask = Record<string, (asked: object) => Promise<any>>;
type Tell = Record<string, (data?: object) => void>;
/** What Gradio uploads, and what it makes of it. */
type Upload = (file: File) => Promise<{ path: string; url: string }>;
type Timer = ReturnType<typeof setTimeout> | undefined;
/** What the form says, by the keys of its fields. */
type Values = Record<string, any>;

/** What an element of the page is mounted with: its value, what it may trigger, and what it may ask. */
interface Island<Value = Told, Data = Told> {
    element: HTMLElement;
    props: { value: Value | null };
    watch: (name: "value", listener: () => unknown) => void;
    upload: Upload;
    tell: Tell;
    server: Ask;
    data: Data;
}

/** A place in a list, and what stands there. */
interface Gone {
    at: number;
    row: HTMLElement;
}

interface FullView {
    open: (key: string) => void;
    shut: () => void;
}

/** A number with its slider. */
type Slider = HTMLDivElement & { say: (value: number) => void };

/** What a picture was asked of the gallery for: what is done with it, and the tabs that it can be sent to. */
interface Deeds {
    tell: Tell;
    takers: Record<string, string>;
}

interface Panels {
    controls: { blame: (fault: Fault) => boolean; turned: () => void; sourced: () => void; receive: (picture: StoredPicture) => void } | null;
    loras: { blame: (fault: Fault) => boolean; worded: () => void } | null;
    mask: { send: (value: Told) => void; settled: () => Promise<void>; turn: (picture: string | null, transparent: boolean) => void } | null;
    rounds: { draw: () => void } | null;
    gallery: (Deeds & { results: () => Picture[] }) | null;
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
    __PIXI_APP__?: { renderer?: { background?: { color: string } } };
}
