// Renews the part of a page that tells of work in progress. Without scripts the page loads itself again (<noscript>).
"use strict";

(() => {
  const live = () => document.querySelector("[data-live]");

  async function renew() {
    const shown = live();
    if (!shown) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = answer.ok && page.getElementById(shown.id);
      if (fresh && !fresh.hasAttribute("data-live")) return location.reload();
      if (fresh) shown.replaceWith(fresh);
    } catch {
      // The server is away for a moment; the next look tells.
    }
    setTimeout(renew, 1000 * Number(shown.dataset.live));
  }

  if (live()) setTimeout(renew, 1000 * Number(live().dataset.live));
})();
