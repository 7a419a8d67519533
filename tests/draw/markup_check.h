/// A small reader of markup for tests: enough to tell whether tags are balanced.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace seqvit::draw {

/// What is wrong with the tags of a page or a piece of one; "" if they are balanced, attributes are quoted
/// and no character stands unescaped between them. Reads on over <style>, whose content is not markup.
std::string markup_problem(std::string_view page);

/// How often `text` occurs.
int occurrences(std::string_view page, std::string_view text);

/// Values of every attribute `name`.
std::vector<std::string> attribute_values(std::string_view page, const std::string& name);

}  // namespace seqvit::draw
