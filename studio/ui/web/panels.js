// What panels of the page offer to each other, as soon as they are there.

/** @type {Panels} */
export const panels = { picker: null, controls: null, loras: null, mask: null, rounds: null, gallery: null, sources: {}, mapPreview: null, work: null, status: null };
