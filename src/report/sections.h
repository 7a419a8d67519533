/// The parts of a report's page.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/html.h"
#include "report/report.h"

namespace seqvit::report {

/// Name of the run, the result in a sentence, the numbers that tell runs apart.
Html report_header(const Report& report);
/// Skill as a figure, scores as tables.
Html scores_section(const Report& report);
/// Power spectra as figures, with how to read them.
Html spectra_figures(const std::vector<evaluate::Spectrum>& spectra);
/// Scores of an ensemble as figures and a table; nothing where there is none.
Html ensemble_figures(const RunRecord& run);
Html maps_section(const Report& report);
/// Loss, learning rate, gradient; where time and memory went.
Html training_section(const Report& report);
/// Data, model and layout.
Html setup_section(const Report& report);
/// The resolved configuration, versions and checksums.
Html configuration_section(const Report& report);

/// <section> with a heading that labels it; `id` is what the navigation leads to.
Html section(const std::string& id, const std::string& heading, std::initializer_list<Html> content);
Html paragraph(const Html& text, const char* kind = nullptr);
/// A paragraph that says what is missing and how to get it.
Html note(const Html& text);
/// <dl> of names and values; rows whose value is empty are left out.
Html facts_list(const std::vector<std::pair<std::string, std::string>>& facts, const char* kind = nullptr);
/// A table that scrolls within itself where it is too wide. `name` is read out for the scrolling region.
Html scrolling_table(const std::string& name, const Html& content);

}  // namespace seqvit::report
