// The place of the units in their own tab; pictures that are sent there come through it.
import { panels } from "./panels.js";

/** @param {Island} island */
export function mount({ element, props, watch }) {
    let serial = 0;
    const take = () => {
        if (!props.value || props.value.serial === serial) return;
        serial = props.value.serial;
        panels.controls?.receive(props.value.picture);
    };
    panels.controls?.turned();
    watch("value", take);
    take();
}
