// What Django's scripts draw says its name to who does not see it: fields that search as one types (select2), and the
// signs of the boxes with two columns. They draw when they like, so each thing drawn is looked at.
"use strict";
{
    const name = () => {
        for (const select of document.querySelectorAll("select.admin-autocomplete")) {
            const label = document.querySelector(`label[for="${select.id}"]`);
            const words = label ? label.textContent.trim().replace(/:$/, "") : select.getAttribute("aria-label");
            const drawn = select.nextElementSibling;
            if (words && drawn) {
                for (const part of drawn.querySelectorAll(".select2-selection, .select2-selection__rendered")) {
                    part.setAttribute("aria-label", words);
                }
            }
        }
        for (const sign of document.querySelectorAll("span.help-tooltip[aria-label]")) {
            sign.setAttribute("role", "img");
        }
        // What is wider than the screen is moved with the arrow keys too.
        for (const wide of document.querySelectorAll("fieldset.module, .results, .wide")) {
            if (wide.scrollWidth > wide.clientWidth) {
                wide.tabIndex = 0;
            }
        }
    };
    new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
    name();
}
