// The page's one global: a module by its name, mounted where it is given an element. Gradio's own strings begin here.
window.studio = async (name, island) => {
    let module;
    try {
        module = await import(new URL(`studio/web/VERSION/${name}.js`, document.baseURI).href);
    } catch (error) {
        if (island) island.element.textContent = "This part of the page did not arrive. Reload the page.";
        throw error;
    }
    if (island) await module.mount(island);
    return module;
};
